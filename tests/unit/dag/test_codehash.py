"""The code hash follows imports and ignores what cannot change behaviour."""

import sys
from pathlib import Path

import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.dag import codehash, locks, modules, roots

LOCK = """\
numpy==2.4.6
    # via
    #   pandas
    #   torch
pandas==3.1.1
    # via -r base.in
torch==2.13.0+cpu
    # via
    #   -r base.in
    #   trl
trl==1.16.0
    # via -r base.in
"""

CACHES = [
    each for module in (codehash, locks, modules) for each in vars(module).values() if hasattr(each, "cache_clear")
]

FILES = {
    "__init__.py": "",
    "stage.py": '"""Doc."""\nimport pandas\nfrom safelrm.library import helper\ndef main():\n    return helper(1)\n',
    "library.py": "from safelrm import deep\ndef helper(x):\n    import torch\n    return deep.VALUE + x\n",
    "deep.py": "VALUE = 1\nUNUSED = 2\ndef other():\n    return UNUSED\n",
    "unrelated.py": "import trl\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "safelrm"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (tmp_path / "lock.txt").write_text(LOCK)
    monkeypatch.setattr(roots, "ROOT", tmp_path)
    # statements are kept from one reading to the next
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield folder
    forget()


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()


def fresh_hash(package: Path, *modules: str) -> str:
    forget()
    return codehash.code_hash(*(modules or ("safelrm.stage",)), lock=package.parent / "lock.txt")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stage.py", '"""Doc."""', '"""Another docstring."""'),
        ("stage.py", "import pandas\n", "import pandas  # for tables\n"),
        ("stage.py", "return helper(1)", "return (\n        helper(\n            1\n        )\n    )"),
        ("library.py", "def helper(x):\n", 'def helper(x):\n    """Add."""\n'),
        ("deep.py", "VALUE = 1", "VALUE = 0x1"),
        ("library.py", "from safelrm import deep", "from safelrm import deep, stage"),
        ("stage.py", "import helper", "import (\n    helper,\n)"),
        ("unrelated.py", "import trl", "import trl\nX = 2"),
        # definitions of a used module that nothing uses
        ("deep.py", "UNUSED = 2", "UNUSED = 3"),
        ("deep.py", "return UNUSED", "return UNUSED + 1"),
        ("library.py", "def helper", "def spare():\n    return deep.UNUSED\ndef helper"),
        # what is done only if a used module is started by itself, or for type checkers
        ("library.py", "def helper", "if __name__ == '__main__':\n    print(deep.UNUSED)\ndef helper"),
        ("deep.py", "UNUSED = 2", "UNUSED = 2\nif TYPE_CHECKING:\n    import trl"),
        # what only a reader sees
        ("library.py", "def helper(x)", "def helper(x: deep.UNUSED) -> deep.other"),
        ("library.py", "def helper(x)", "async def spare(x: int): ...\n@cache\ndef other(): ...\ndef helper(x: int)"),
    ],
)
def test_edits_without_effect_keep_the_hash(package, file, old, new):
    before = fresh_hash(package)
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    assert fresh_hash(package) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stage.py", "helper(1)", "helper(2)"),
        ("library.py", "deep.VALUE + x", "deep.VALUE - x"),
        ("deep.py", "VALUE = 1", "VALUE = 2"),
        ("__init__.py", "", "X = 1"),
        # used through other definitions
        ("deep.py", "VALUE = 1", "VALUE = UNUSED"),
        ("library.py", "return deep.VALUE + x", "return deep.other() + x"),
        ("library.py", "return deep.VALUE + x", "return vars(deep)['VALUE'] + x"),
        # a statement that defines nothing may do anything
        ("deep.py", "UNUSED = 2", "UNUSED = 2\nregister(VALUE)"),
        ("deep.py", "UNUSED = 2", "UNUSED = 2\nsys.path[0] = 'elsewhere'"),
        ("deep.py", "VALUE = 1", "if __name__ == '__main__':\n    pass\nelse:\n    register(1)\nVALUE = 1"),
        ("deep.py", "VALUE = 1", "if torch.__name__ == 'torch':\n    print(1)\nVALUE = 1"),
        ("deep.py", "VALUE = 1", "if TYPE_CHECKING:\n    pass\nelse:\n    register(1)\nVALUE = 1"),
        # and so may a decorator, and the import of a package that nothing uses
        ("deep.py", "def other", "@register\ndef spare():\n    return 1\ndef other"),
        ("deep.py", "VALUE = 1", "import trl\nVALUE = 1"),
        # the stage itself counts whole
        ("stage.py", "def main", "SPARE = 1\ndef main"),
        ("stage.py", "def main", "if __name__ == '__main__':\n    print(1)\ndef main"),
    ],
)
def test_edits_with_effect_change_the_hash(package, file, old, new):
    before = fresh_hash(package)
    (package / file).write_text((package / file).read_text().replace(old, new))
    assert fresh_hash(package) != before


def test_a_definition_counts_once_something_uses_it(package):
    (package / "library.py").write_text("from safelrm import deep\ndef helper(x):\n    return deep.other() + x\n")
    before = fresh_hash(package)
    (package / "deep.py").write_text(FILES["deep.py"].replace("UNUSED = 2", "UNUSED = 3"))
    assert fresh_hash(package) != before


DEEP_EDITS = ("UNUSED = 2", "UNUSED = 3"), ("VALUE = 1", "VALUE = 3")


@pytest.mark.parametrize(
    ("using", "counting"),
    [
        # a name that another module hands on
        ({"stage.py": "from safelrm.library import deep\nprint(deep.VALUE)\n"}, DEEP_EDITS[1:]),
        ({"stage.py": "from safelrm.library import deep as d\nprint(d.other())\n"}, DEEP_EDITS),
        # a module that is another thing later on
        ({"library.py": "from safelrm import deep\ndeep = vars(deep)\ndef helper(x):\n    deep.pop(x)\n"}, DEEP_EDITS),
        # a name that is found where it is not seen
        ({"deep.py": FILES["deep.py"] + "def __getattr__(name):\n    return UNUSED\n"}, DEEP_EDITS[1:]),
        ({"deep.py": "VALUE = eval('UNUSED')\nUNUSED = 2\n"}, DEEP_EDITS[:1]),
        # a module within a package that is imported whole
        (
            {
                "library.py": "from safelrm import part as p\ndef helper(x):\n    return p.inner.helper()\n",
                "part/__init__.py": "",
                "part/inner.py": "from safelrm.deep import VALUE\ndef helper():\n    return VALUE\n",
            },
            DEEP_EDITS[1:],
        ),
        # a module that is started by its name
        ({"library.py": "def helper(x):\n    return ['python', '-m', 'safelrm.deep']\n"}, DEEP_EDITS),
        # a field whose quoted type pydantic reads
        ({"deep.py": "VALUE = 1\nclass Part:\n    UNUSED = 2\nclass Whole:\n    part: 'list[Part]'\n",
          "library.py": "from safelrm.deep import Whole\ndef helper(x):\n    return Whole\n"}, DEEP_EDITS[:1]),
    ],
)  # fmt: skip
def test_what_is_used_in_another_way_counts(package, using, counting):
    for file, text in using.items():
        (package / file).parent.mkdir(exist_ok=True)
        (package / file).write_text(text)
    text, before = (package / "deep.py").read_text(), fresh_hash(package)
    for old, new in counting:
        assert old in text
        (package / "deep.py").write_text(text.replace(old, new))
        assert fresh_hash(package) != before, new


def test_what_the_import_of_an_unused_name_does_counts(package):
    (package / "library.py").write_text(
        "from safelrm.deep import VALUE\ndef spare():\n    return VALUE\nhelper = int\n"
    )
    before = fresh_hash(package)
    (package / "deep.py").write_text(FILES["deep.py"].replace("VALUE = 1", "VALUE = 3"))
    assert fresh_hash(package) == before
    (package / "deep.py").write_text(FILES["deep.py"] + "import os\nos.environ['X'] = '1'\n")
    assert fresh_hash(package) != before


def test_a_decorator_that_may_read_annotations_keeps_them(package):
    text = "from safelrm import deep\n@dispatch\ndef helper(x: int):\n    return x\n"
    (package / "library.py").write_text(text)
    before = fresh_hash(package)
    (package / "library.py").write_text(text.replace("int", "str"))
    assert fresh_hash(package) != before


def test_descriptions_of_settings_and_options_do_not_count(package):
    text = "def helper(x):\n    parser.add_argument('x', default=1, help='a')\n    return Field(2, description='b')\n"
    (package / "library.py").write_text(text)
    before = fresh_hash(package)
    for old, new, counts in (("'a'", "'c'", False), ("'b'", "f'{x}'", False), ("=1", "=3", True), ("(2", "(3", True)):
        (package / "library.py").write_text(text.replace(old, new))
        assert (fresh_hash(package) != before) == counts


def test_what_only_the_message_of_an_error_uses_does_not_count(package):
    raising = "raise ValueError(f'{deep.UNUSED}: {x}')"
    text = f"from safelrm import deep\ndef helper(x):\n    if deep.VALUE:\n        {raising}\n"
    (package / "library.py").write_text(text)
    before = fresh_hash(package)
    (package / "library.py").write_text(text.replace(": {x}", " is too large"))
    (package / "deep.py").write_text(FILES["deep.py"].replace("UNUSED = 2", "UNUSED = 3"))
    assert fresh_hash(package) == before
    (package / "deep.py").write_text(FILES["deep.py"].replace("VALUE = 1", "VALUE = 3"))
    assert fresh_hash(package) != before


def test_one_definition_of_a_module_can_be_hashed(package):
    before = fresh_hash(package, "safelrm.deep:VALUE")
    (package / "deep.py").write_text(FILES["deep.py"].replace("UNUSED = 2", "UNUSED = 3"))
    assert fresh_hash(package, "safelrm.deep:VALUE") == before
    (package / "deep.py").write_text(FILES["deep.py"].replace("VALUE = 1", "VALUE = 3"))
    assert fresh_hash(package, "safelrm.deep:VALUE") != before


def test_a_module_that_is_handed_on_counts_whole(package):
    (package / "library.py").write_text("from safelrm import deep\ndef helper(x):\n    return vars(deep)\n")
    before = fresh_hash(package)
    (package / "deep.py").write_text(FILES["deep.py"].replace("UNUSED = 2", "UNUSED = 3"))
    assert fresh_hash(package) != before


def test_a_name_that_is_defined_under_a_condition_counts(package):
    (package / "deep.py").write_text("import sys\nif sys.platform == 'linux':\n    VALUE = 1\nelse:\n    VALUE = 2\n")
    before = fresh_hash(package)
    text = (package / "deep.py").read_text()
    (package / "deep.py").write_text(text.replace("VALUE = 1", "VALUE = 3"))
    assert fresh_hash(package) != before


def test_a_pin_counts_where_it_is_imported_directly_or_not(package):
    stage, deep, unrelated = (fresh_hash(package, f"safelrm.{name}") for name in ("stage", "deep", "unrelated"))
    lock = package.parent / "lock.txt"
    lock.write_text(LOCK.replace("numpy==2.4.6", "numpy==2.4.7"))
    assert fresh_hash(package, "safelrm.stage") != stage
    assert fresh_hash(package, "safelrm.unrelated") != unrelated  # trl needs torch needs numpy
    assert fresh_hash(package, "safelrm.deep") == deep
    lock.write_text(LOCK.replace("trl==1.16.0", "trl==1.17.0"))
    assert fresh_hash(package, "safelrm.stage") == stage
    assert fresh_hash(package, "safelrm.unrelated") != unrelated


def test_an_import_that_the_lock_lacks_is_named(package):
    (package / "deep.py").write_text("import leftpad\n")
    with pytest.raises(SafeLRMError, match="leftpad"):
        fresh_hash(package)


def test_a_syntax_error_is_named(package):
    (package / "deep.py").write_text("def f(:\n")
    with pytest.raises(SafeLRMError, match=r"deep\.py"):
        fresh_hash(package)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("from . import unrelated", "relative import"),
        ("from safelrm.unrelated import *", r"import of \*"),
        ("import safelrm.unrelated", "import of safelrm.unrelated by its first name"),
    ],
)
def test_an_import_that_cannot_be_followed_is_refused(package, line, named):
    (package / "deep.py").write_text(f"{line}\n")
    with pytest.raises(SafeLRMError, match=named):
        fresh_hash(package)


def test_every_module_of_the_project_can_be_hashed():
    root = Path(__file__).parents[3]
    modules = [
        ".".join(path.relative_to(root / "workflow").with_suffix("").parts)
        for path in (root / "workflow" / "safelrm").rglob("*.py")
        if path.name != "__init__.py"
    ]
    for lock in ("cpu-vllm.txt", "gpu.txt"):
        hashes = {name: codehash.code_hash(name, lock=root / "envs" / lock) for name in modules}
        assert len(set(hashes.values())) == len(modules)


def test_kept_statements_are_those_of_the_module_and_are_found_anew_where_they_may_differ(package):
    def found():
        modules.forget_modules()
        return modules.statements("safelrm.stage")

    first = found()
    (keeper,) = (package / "__pycache__").glob("stage.*.statements")
    kept = keeper.read_bytes()
    assert found() == first
    assert keeper.read_bytes() == kept
    # damaged; of another text; and of a package in which a name stands for a module
    keeper.write_bytes(kept[:-9])
    assert found() == first
    (package / "stage.py").write_text(FILES["stage.py"].replace("helper(1)", "helper(2)"))
    assert found() != first
    (package / "stage.py").write_text(FILES["stage.py"])
    (package / "library").mkdir()
    (package / "library/helper.py").touch()
    assert ("safelrm.library.helper", None) in {statement.origin for statement in found()}
