"""The table of what a policy has answered to probes."""

from dataclasses import replace

from safelrm.generation.schemas import ROLLOUTS

# rows of ROLLOUTS, whose `benchmark` is the step, such as step0040. Judges read the file as rollouts, if it has rows; a
# training without probes writes none, and a file without rows names no place
PROBED = replace(ROLLOUTS, name="probe rollouts", place="")
