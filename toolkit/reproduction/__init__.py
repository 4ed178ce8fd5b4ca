"""Faults of exporters and runtimes as scripts for their bug reports: captured, reduced, run.

capturing  the model's operators as a program, without the user's code
emitting   a program as a script of its own, with the functions of `harness`
reducing   the fewest operators that still show the fault, tried in a process of its own
writing    the way of one finding through these; the script that is left is run once
"""
