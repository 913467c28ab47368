"""What is fetched from a hub."""

from pydantic import Field

from safelrm.settings.common import Strict
from safelrm.settings.hub import RepoId, Revision


class FetchModelSettings(Strict):
    """A model to fetch."""

    repo: RepoId = Field(description="id on the hub")
    revision: Revision | None = Field(description="commit on the hub; none: not filled in yet")


class FetchDatasetSettings(FetchModelSettings):
    """A data set to fetch."""

    config: str | None = Field(None, description="configuration of the data set")
    data_file: str | None = Field(None, description="the one file of the repository that is wanted")
    split: str = Field(description="split of the data set")
