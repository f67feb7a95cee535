"""What was measured, as typed objects, in words and in the ledger: evaluations write it, the report reads it."""
