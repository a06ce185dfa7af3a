"""Runs workflows: decides what comes next, commits it, then has it done. Knows no engine."""
