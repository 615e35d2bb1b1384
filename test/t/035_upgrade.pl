# An extension that was created by an earlier version and updated is the same,
# catalog by catalog, as one created now, and what was made with it stays.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @earlier = ('0.1.0', '0.2.0');

# A call, by version, of a function whose result has other columns since.
my %changed = ('0.1.0' => q{hamnet_predictions('CCO')}, '0.2.0' => 'hamnet_training_log()');

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->start;

my $version = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'hamnet'");

# What each catalog says of the extension. Object identifiers, which differ
# between databases, give way to names; all other columns are compared, also
# those of later servers.
my $views = q{
	CREATE TEMP VIEW member AS
		SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		WHERE e.extname = 'hamnet' AND d.deptype = 'e';
	CREATE TEMP VIEW member_relation AS
		SELECT objid AS oid FROM member WHERE classid = 'pg_class'::regclass
		UNION SELECT indexrelid FROM pg_index JOIN member ON classid = 'pg_class'::regclass AND objid = indrelid;
	CREATE TEMP VIEW part AS
		SELECT classid, objid, 0 AS objsubid FROM member
		UNION SELECT 'pg_class'::regclass, oid, 0 FROM member_relation
		UNION SELECT 'pg_class'::regclass, attrelid, attnum FROM pg_attribute JOIN member_relation r ON attrelid = r.oid
		UNION SELECT 'pg_trigger'::regclass, t.oid, 0 FROM pg_trigger t JOIN member_relation r ON tgrelid = r.oid
		UNION SELECT 'pg_constraint'::regclass, c.oid, 0 FROM pg_constraint c JOIN member_relation r ON conrelid = r.oid;};

my %catalogs = (
	pg_extension => q{
		SELECT to_jsonb(e) - '{oid,extowner,extnamespace,extconfig}'::text[], extowner::regrole, extnamespace::regnamespace, extconfig::regclass[]
		FROM pg_extension e WHERE extname = 'hamnet'},
	pg_depend => q{
		SELECT pg_describe_object(classid, objid, 0) FROM member},
	'dependencies of members' => q{
		SELECT pg_describe_object(d.classid, d.objid, d.objsubid), d.deptype, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		FROM pg_depend d JOIN part USING (classid, objid, objsubid)},
	pg_proc => q{
		SELECT p.oid::regprocedure, to_jsonb(p) - '{oid,pronamespace,proowner,prolang,provariadic,prorettype,proargtypes,proallargtypes,proargdefaults}'::text[],
			pronamespace::regnamespace, proowner::regrole, lanname, provariadic::regtype, prorettype::regtype, proargtypes::regtype[],
			proallargtypes::regtype[], pg_get_expr(proargdefaults, 0)
		FROM pg_proc p JOIN pg_language l ON l.oid = prolang JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid},
	pg_aggregate => q{
		SELECT to_jsonb(a) - '{aggsortop,aggtranstype,aggmtranstype}'::text[], aggsortop::regoperator, aggtranstype::regtype, aggmtranstype::regtype
		FROM pg_aggregate a JOIN member ON classid = 'pg_proc'::regclass AND objid = aggfnoid},
	pg_operator => q{
		SELECT o.oid::regoperator, to_jsonb(o) - '{oid,oprnamespace,oprowner,oprleft,oprright,oprresult,oprcom,oprnegate}'::text[],
			oprnamespace::regnamespace, oprowner::regrole, oprresult::regtype, oprcom::regoperator, oprnegate::regoperator
		FROM pg_operator o JOIN member ON classid = 'pg_operator'::regclass AND objid = o.oid},
	pg_am => q{
		SELECT to_jsonb(a) - 'oid'::text FROM pg_am a JOIN member ON classid = 'pg_am'::regclass AND objid = a.oid},
	pg_opfamily => q{
		SELECT amname, to_jsonb(f) - '{oid,opfmethod,opfnamespace,opfowner}'::text[], opfnamespace::regnamespace, opfowner::regrole
		FROM pg_opfamily f JOIN pg_am a ON a.oid = opfmethod JOIN member ON classid = 'pg_opfamily'::regclass AND objid = f.oid},
	pg_opclass => q{
		SELECT amname, to_jsonb(c) - '{oid,opcmethod,opcnamespace,opcowner,opcfamily,opcintype,opckeytype}'::text[], opcnamespace::regnamespace,
			opcowner::regrole, pg_describe_object('pg_opfamily'::regclass, opcfamily, 0), opcintype::regtype, opckeytype::regtype
		FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN member ON classid = 'pg_opclass'::regclass AND objid = c.oid},
	pg_amop => q{
		SELECT pg_describe_object('pg_opfamily'::regclass, amopfamily, 0), amoplefttype::regtype, amoprighttype::regtype, amopstrategy, amoppurpose,
			amopopr::regoperator, pg_describe_object('pg_opfamily'::regclass, nullif(amopsortfamily, 0), 0)
		FROM pg_amop JOIN member ON classid = 'pg_opfamily'::regclass AND objid = amopfamily},
	pg_amproc => q{
		SELECT pg_describe_object('pg_opfamily'::regclass, amprocfamily, 0), amproclefttype::regtype, amprocrighttype::regtype, amprocnum, amproc
		FROM pg_amproc JOIN member ON classid = 'pg_opfamily'::regclass AND objid = amprocfamily},
	pg_type => q{
		SELECT t.oid::regtype, to_jsonb(t) - '{oid,typnamespace,typowner,typrelid,typelem,typarray,typbasetype,typcollation,typdefaultbin}'::text[],
			typnamespace::regnamespace, typowner::regrole, typrelid::regclass, typelem::regtype, typarray::regtype, typbasetype::regtype,
			typcollation::regcollation, pg_get_expr(typdefaultbin, 0)
		FROM pg_type t WHERE EXISTS (SELECT FROM member WHERE classid = 'pg_type'::regclass AND objid IN (t.oid, typelem))
			OR typrelid IN (SELECT oid FROM member_relation)},
	pg_cast => q{
		SELECT to_jsonb(c) - '{oid,castsource,casttarget,castfunc}'::text[], castsource::regtype, casttarget::regtype, castfunc::regprocedure
		FROM pg_cast c JOIN member ON classid = 'pg_cast'::regclass AND objid = c.oid},
	pg_class => q{
		SELECT c.oid::regclass, relnamespace::regnamespace, relowner::regrole, amname, reltoastrelid <> 0, relhasindex, relpersistence, relkind, relnatts,
			relchecks, relhasrules, relhastriggers, relhassubclass, relrowsecurity, relforcerowsecurity, relreplident, relispartition, relacl, reloptions
		FROM pg_class c LEFT JOIN pg_am a ON a.oid = relam WHERE c.oid IN (SELECT oid FROM member_relation)},
	# Some builds of the server note in the options of a column when it was made.
	pg_attribute => q{
		SELECT attrelid::regclass, to_jsonb(a) - '{attrelid,atttypid,attcollation,attstattarget,attcacheoff,attoptions}'::text[], atttypid::regtype,
			attcollation::regcollation, ARRAY(SELECT o FROM unnest(attoptions) AS o WHERE o !~ '^pg_attver=' ORDER BY o)
		FROM pg_attribute a WHERE attrelid IN (SELECT oid FROM member_relation)},
	pg_attrdef => q{
		SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM member_relation)},
	pg_constraint => q{
		SELECT conrelid::regclass, contypid::regtype, conname, connamespace::regnamespace, convalidated, condeferrable, condeferred, pg_get_constraintdef(oid)
		FROM pg_constraint WHERE conrelid IN (SELECT oid FROM member_relation) OR contypid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)},
	pg_index => q{
		SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), indisprimary, indisvalid, indisready, indimmediate, indisclustered, indisreplident
		FROM pg_index WHERE indexrelid IN (SELECT oid FROM member_relation)},
	pg_sequence => q{
		SELECT seqrelid::regclass, to_jsonb(s) - '{seqrelid,seqtypid}'::text[], seqtypid::regtype FROM pg_sequence s JOIN member_relation ON oid = seqrelid},
	pg_trigger => q{
		SELECT pg_get_triggerdef(oid), tgenabled, tgisinternal FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM member_relation)},
	pg_rewrite => q{
		SELECT pg_get_ruledef(oid), ev_enabled FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM member_relation)},
	pg_policy => q{
		SELECT polrelid::regclass, polname FROM pg_policy WHERE polrelid IN (SELECT oid FROM member_relation)},
	pg_statistic_ext => q{
		SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid IN (SELECT oid FROM member_relation)},
	pg_description => q{
		SELECT pg_describe_object(classoid, objoid, d.objsubid), description FROM pg_description d JOIN part ON classoid = classid AND objoid = objid AND d.objsubid = part.objsubid},
	pg_init_privs => q{
		SELECT pg_describe_object(classoid, objoid, i.objsubid), privtype, initprivs FROM pg_init_privs i JOIN part ON classoid = classid AND objoid = objid AND i.objsubid = part.objsubid},
	pg_seclabel => q{
		SELECT pg_describe_object(classoid, objoid, l.objsubid), provider, label FROM pg_seclabel l JOIN part ON classoid = classid AND objoid = objid AND l.objsubid = part.objsubid},
);

# Catalogs in which the extension has nothing, so that its queries return no rows.
my %empty = map { $_ => 1 } qw(pg_policy pg_rewrite pg_seclabel pg_statistic_ext);

# A catalog's rows in an order that does not depend on when they were made.
sub rows_of
{
	my ($database, $catalog) = @_;

	return join("\n", sort split(/\n/, $node->safe_psql($database, "$views $catalogs{$catalog}"))) . "\n";
}

# The same rows? Says which are not.
sub same
{
	my ($got, $expected, $name) = @_;
	my (%count, @differences);

	$count{$_}-- foreach split(/\n/, $expected);
	$count{$_}++ foreach split(/\n/, $got);
	push @differences, ($count{$_} > 0 ? "surplus: $_" : "missing: $_") foreach sort grep { $count{$_} } keys %count;
	is(join("\n", @differences), '', $name);
}

sub query
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, $sql);
}

# Run what the library of the earlier version would do: this one computes for no other version than its own.
sub query_of
{
	my ($earlier, $database, $sql) = @_;
	my $set = sub { query($database, "UPDATE pg_extension SET extversion = '$_[0]' WHERE extname = 'hamnet'") };

	$set->($version);
	my $result = query($database, $sql);
	$set->($earlier);
	return $result;
}

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $options = '{"head": "full", "base": "scratch", "dim": 8, "units": 8, "epochs": 2, "seed": 3}';

# Something of every kind that a user may have made.
sub make_data
{
	my ($earlier, $database) = @_;

	query_of($earlier, $database, qq{
		SELECT hamnet_load_model('small', '\\x$weights');
		CREATE TABLE compound (id serial PRIMARY KEY, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED, by_small hfp(24));
		INSERT INTO compound (smiles)
			SELECT repeat('C', n) || a || repeat('C', m) FROM generate_series(1, 8) AS n, generate_series(1, 4) AS m, unnest(ARRAY['O', 'N', 'S']) AS a;
		UPDATE compound SET by_small = hamnet_fingerprint(smiles, 'small');
		CREATE INDEX compound_gist ON compound USING gist (fp);
		CREATE INDEX compound_cosine ON compound USING gist (fp gist_hfp_cosine_ops);
		CREATE INDEX compound_hamnet ON compound USING hamnet (by_small);
		CREATE INDEX compound_btree ON compound (fp);
		CREATE INDEX compound_hash ON compound USING hash (fp);
		CREATE VIEW near AS SELECT id FROM compound ORDER BY fp <-> hamnet_fingerprint('CCO') LIMIT 5;
		GRANT SELECT ON _hamnet_training TO pg_monitor;
		CALL hamnet_train('assay', 'SELECT smiles, id FROM compound', '$options');
		CREATE TABLE predicted AS SELECT id, hamnet_predict(smiles, 'assay') AS value FROM compound;});
}

# All of it, as text.
sub state_of
{
	my ($earlier, $database) = @_;

	return query_of($earlier, $database, q{
		SET client_min_messages = warning;
		SELECT id, smiles, fp, by_small FROM compound ORDER BY id;
		SELECT * FROM hamnet_models() ORDER BY name COLLATE "C";
		SELECT run, kind, model, state, owner, started, finished, options, report FROM hamnet_training_runs() ORDER BY run;
		SELECT * FROM hamnet_training_log() AS l (run, model, network, member, epoch) ORDER BY run, network, member, epoch;
		SELECT id, value = hamnet_predict(smiles, 'assay') FROM predicted JOIN compound USING (id) ORDER BY id;
		SELECT property, value, unit, sd FROM hamnet_predictions('CCO', 'small') ORDER BY property COLLATE "C";
		SELECT id FROM near;});
}

query('postgres', 'CREATE DATABASE fresh');
query('fresh', 'CREATE EXTENSION hamnet');
is(query('fresh', 'SELECT (hamnet_version()).hamnet'), $version, 'the library is of the version that is installed');

foreach my $earlier (@earlier)
{
	(my $database = "from_$earlier") =~ tr/./_/;
	my $path = query('postgres', "SELECT path FROM pg_extension_update_paths('hamnet') WHERE source = '$earlier' AND target = '$version'");

	isnt($path, '', "there is a way from $earlier to $version");
	query('postgres', "CREATE DATABASE $database");
	query($database, "CREATE EXTENSION hamnet VERSION '$earlier'");
	query($database, 'ALTER EXTENSION hamnet UPDATE');
	is(query($database, "SELECT extversion FROM pg_extension WHERE extname = 'hamnet'"), $version, "$earlier is updated");
	foreach my $catalog (sort keys %catalogs)
	{
		my $rows = rows_of($database, $catalog);

		isnt($rows, "\n", "$catalog has something to compare") unless $empty{$catalog};
		same($rows, rows_of('fresh', $catalog), "$catalog is the same after the update from $earlier as in a new installation");
	}

	# Data made under the earlier version
	$database .= '_used';
	query('postgres', "CREATE DATABASE $database");
	query($database, "CREATE EXTENSION hamnet VERSION '$earlier'");
	make_data($earlier, $database);
	my $before = state_of($earlier, $database);
	like($before, qr/^assay\|.*^small\|/ms, 'a loaded model and a trained one') or diag($before);

	# A view on a function whose result changes is not dropped without being asked for.
	if (my $call = $changed{$earlier})
	{
		query($database, "CREATE VIEW dependent AS SELECT * FROM $call");
		my ($status, $stdout, $stderr) = $node->psql($database, 'ALTER EXTENSION hamnet UPDATE');
		like($stderr, qr/view dependent depends on function \Q${\($call =~ s{\(.*}{}r)}\E/, 'a view that stands in the way is named');
		is(query($database, "SELECT extversion FROM pg_extension WHERE extname = 'hamnet'"), $earlier, 'nothing is updated while a view stands in the way');
		same(state_of($earlier, $database), $before, 'nothing is changed by an update that failed');
		query($database, 'DROP VIEW dependent');
	}

	query($database, 'ALTER EXTENSION hamnet UPDATE');
	same(state_of($version, $database), $before, "data of $earlier are the same after the update");

	# and it all goes on working
	query($database, q{INSERT INTO compound (smiles) VALUES ('c1ccccc1'); REINDEX TABLE compound});
	is(query($database, "SELECT fp = hamnet_fingerprint(smiles) FROM compound WHERE smiles = 'c1ccccc1'"), 't', 'columns are generated');
	foreach my $column ('fp', 'by_small')
	{
		my $nearest = "SELECT id FROM compound WHERE $column IS NOT NULL ORDER BY $column <-> (SELECT $column FROM compound WHERE id = 7), id LIMIT 1";
		like(query($database, "SET enable_seqscan = off; EXPLAIN $nearest"), qr/Index Scan using compound_/, "an index on $column serves");
		is(query($database, "SET enable_seqscan = off; $nearest"), 7, 'an index finds its rows after the update');
	}
	is(query($database, "SELECT hamnet_index_check('compound_hamnet')"), 97, 'the index is sound');
	is(query($database, "SELECT has_table_privilege('pg_monitor', '_hamnet_training', 'SELECT')"), 't', 'privileges that were granted stay');
	query($database, "CALL hamnet_train('again', 'SELECT smiles, id FROM compound WHERE id < 97', '$options')");
	is(query($database, "SELECT count(DISTINCT id) FROM hamnet_models() WHERE name IN ('assay', 'again')"), 1, 'training has the same result');
	query($database, "SELECT hamnet_drop_model('assay')");
	is(query($database, "SELECT count(*) FROM hamnet_models() WHERE name = 'assay'"), 0, 'a model can be dropped');
	query($database, 'DROP EXTENSION hamnet CASCADE');
}

$node->stop;
done_testing();
