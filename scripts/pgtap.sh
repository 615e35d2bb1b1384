#!/bin/sh
#
# Run one pgTAP file in a database of its own that has the extension, on the
# server that PGHOST and so on name. Called by prove; see "make check-pgtap".

set -eu
database=hamnet_$(basename "$1" .sql)

dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
psql="psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname $database"
$psql --command 'SET client_min_messages = warning' \
	--command 'CREATE EXTENSION hamnet' --command 'CREATE EXTENSION pgtap'
$psql --no-align --tuples-only --pset pager=off --file "$1"
dropdb "$database"
