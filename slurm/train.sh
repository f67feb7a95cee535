#!/bin/bash
# Trainings, one for each task of a Slurm job array, whose number is the seed; each by torchrun on all nodes of its task:
#
#     sbatch --array=0-4 slurm/train.sh --epochs 50             five seeds; flags are those of emfm.tasks.forward.train
#     sbatch --nodes=4 slurm/train.sh                           one training on four nodes, PROCESSES (2) on each
#     sbatch --nodes=2 --gpus-per-node=8 slurm/train.sh --set device=cuda              sixteen GPUs, one process for each
#
# Submit it in a clone that all nodes see, after `dvc repro compute_norm_stats`, with the project's environment active.
# The run is runs/<job name>/seed<number>: name a series with sbatch --job-name. A task that was stopped, or is submitted
# again, goes on from its last checkpoint. A process computes with compute.threads threads: --cpus-per-task is theirs
# times the processes of a node.
#SBATCH --job-name=emfm-train
#SBATCH --array=0
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
run_dir=runs/$SLURM_JOB_NAME/seed$SLURM_ARRAY_TASK_ID
start=()
if [ -e "$run_dir/last.pth" ]; then start=(--resume); fi
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
# By the address that Slurm itself reaches the node at: its name need not resolve.
MASTER_ADDR=$(scontrol show node "$first" --oneliner | sed 's/.* NodeAddr=\([^ ]*\).*/\1/')
MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))  # another one for each training on a node
PROCESSES=${SLURM_GPUS_ON_NODE:-${PROCESSES:-2}}
export MASTER_ADDR MASTER_PORT PROCESSES
# Since 22.05 srun takes the processors of a task from its own flag alone. The node's number is known inside the task.
# shellcheck disable=SC2016
exec srun --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=1 bash -c 'exec torchrun \
    --nnodes="$SLURM_NNODES" --node-rank="$SLURM_NODEID" --nproc-per-node="$PROCESSES" \
    --master-addr="$MASTER_ADDR" --master-port="$MASTER_PORT" -m emfm.tasks.forward.train "$@"' \
    torchrun --run_dir "$run_dir" --seed "$SLURM_ARRAY_TASK_ID" "${start[@]}" "$@"
