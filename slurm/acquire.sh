#!/bin/bash
# The samples in slices, one for each task of a Slurm job array:
#
#     sbatch --wait slurm/acquire.sh && dvc repro acquire
#
# Submit it in a clone that all nodes see, with the project's environment active. Each task leaves its slice in .resume,
# and `dvc repro acquire` joins the slices to the bytes that one machine alone makes. A task that was stopped goes on
# where it was. Sixteen slices: sbatch --array=1-16 slurm/acquire.sh. The third of sixteen again: sbatch --array=3
# slurm/acquire.sh 16. A task takes as many processors as acquire.workers says: --cpus-per-task.
#SBATCH --job-name=emfm-acquire
#SBATCH --array=1-4
#SBATCH --cpus-per-task=2
#SBATCH --requeue
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
exec python -m emfm.stages acquire --slice "$SLURM_ARRAY_TASK_ID/${1:-$SLURM_ARRAY_TASK_MAX}"
