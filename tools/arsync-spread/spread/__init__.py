"""arsync-spread, in the order in which a run goes through it.

command   the command line; one run from its beginning to its end
state     the directory of small files that a run leaves, and goes on from
split     the source's names, by fpart, as units of work
big       files that are many units
engines   who runs the units: threads here, GNU parallel, Slurm, fpsync
unit.sh   one unit, on whatever machine
"""
