#!/bin/sh
#
# Turn RDKit's list of fragments (FragmentDescriptors.csv: name, description,
# SMARTS, separated by tabs) into a table in C++, sorted by name. Names are
# spelled as RDKit's Python module Fragments spells them.

set -eu

echo '/* Made by make_fragments.sh from RDKit'"'"'s FragmentDescriptors.csv. */'
LC_ALL=C awk -F '\t' '
	/^#/ || NF < 3 { next }
	{
		gsub(/[=-]/, "_", $1)
		gsub(/\\/, "\\\\", $3)
		gsub(/"/, "\\\"", $3)
		smarts[$1] = $3			# of two lines with one name, RDKit takes the second
	}
	END {
		for (name in smarts)
			printf "{\"%s\", \"%s\"},\n", name, smarts[name]
	}' "$1" | LC_ALL=C sort
