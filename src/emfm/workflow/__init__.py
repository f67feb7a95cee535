"""What the stages share as parts of a DVC pipeline: file names, unfinished work, refusals."""
