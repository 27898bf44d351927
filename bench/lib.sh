# What the scripts here share; to be sourced.

# median FILE: of the numbers in it, one a line
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
