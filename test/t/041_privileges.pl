# What attackers try: nobody gets more rights through the extension than the
# server gave, whatever lies in the search path, the schema, the names, the
# queries and the triggers. doc/security.md says why; here is the proof.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('privileges');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nmax_prepared_transactions = 0\n");
$node->start;

my $weights = "'\\x" . unpack('H*', slurp_file('test/golden/models-0.1.0/full.safetensors')) . "'::bytea";
my $other_weights = "'\\x" . unpack('H*', slurp_file('test/golden/models-0.1.0/network.safetensors')) . "'::bytea";
my $quick = '{"head": "full", "base": "scratch", "dim": 4, "units": 4, "epochs": 2, "validation": "none", "workers": 1}';

sub as
{
	my ($role, $database, $sql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql($database, "SET client_min_messages = warning;\n$sql", stdout => \$stdout, stderr => \$stderr,
		on_error_stop => 1, extra_params => [ '-U', $role ]);

	return ($status, $stdout, $stderr);
}

# What a role may do, and what it gets.
sub allowed
{
	my ($role, $database, $sql, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	is($stderr, '', $name);
	return $stdout;
}

sub returns
{
	my ($role, $database, $sql, $expected, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	is($stdout . $stderr, $expected, $name);
}

# What it may not.
sub refused
{
	my ($role, $database, $sql, $pattern, $name) = @_;
	my ($status, $stdout, $stderr) = as($role, $database, $sql);

	like($stderr, $pattern, $name);
}

sub superusers
{
	return $node->safe_psql('postgres', q{SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolsuper});
}

$node->safe_psql('postgres', 'CREATE ROLE installer LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN');
my $superusers = superusers();
my ($superuser) = split(/ /, $superusers);

###########################################################################
# Installing: the extension is trusted, so its scripts run as a superuser in
# a schema that whoever installs it may have filled with traps.

# A function that makes its author a superuser when a superuser runs it.
my $spring = q{BEGIN ALTER ROLE installer SUPERUSER; RAISE WARNING 'trap sprung'; %s END};

foreach my $version ('0.1.0', '0.2.0')
{
	(my $database = "trap_$version") =~ tr/./_/;
	$node->safe_psql('postgres', "CREATE DATABASE $database; GRANT CREATE ON DATABASE $database TO installer");
	my $format = sprintf($spring, q{RETURN 'ALTER OPERATOR FAMILY ' || $2 || ' USING gist ADD FUNCTION 11 (hfp, hfp) ghfp_sortsupport(internal)';});
	my $number = sprintf($spring, q{RETURN pg_catalog.current_setting($1::text);});
	my $truth = sprintf($spring, 'RETURN true;');
	my $void = sprintf($spring, '');
	allowed('installer', $database, qq{
		CREATE SCHEMA evil;
		SET search_path = evil;
		CREATE FUNCTION format(text, name) RETURNS text LANGUAGE plpgsql AS '@{[ $format =~ s/'/''/gr ]}';
		CREATE FUNCTION format(text, text) RETURNS text LANGUAGE plpgsql AS '@{[ $format =~ s/'/''/gr ]}';
		CREATE FUNCTION current_setting(name) RETURNS text LANGUAGE plpgsql AS '@{[ $number =~ s/'/''/gr ]}';
		CREATE FUNCTION current_setting(varchar) RETURNS text LANGUAGE plpgsql AS '@{[ $number =~ s/'/''/gr ]}';
		CREATE FUNCTION pg_extension_config_dump(text, text) RETURNS void LANGUAGE plpgsql AS '@{[ $void =~ s/'/''/gr ]}';
		CREATE FUNCTION spring(int, bigint) RETURNS boolean LANGUAGE plpgsql AS '@{[ $truth =~ s/'/''/gr ]}';
		CREATE FUNCTION spring(text, int) RETURNS boolean LANGUAGE plpgsql AS '@{[ $truth =~ s/'/''/gr ]}';
		CREATE OPERATOR >= (LEFTARG = int, RIGHTARG = bigint, FUNCTION = spring);
		CREATE OPERATOR >= (LEFTARG = text, RIGHTARG = int, FUNCTION = spring);
		CREATE EXTENSION hamnet VERSION '$version' SCHEMA evil;
		ALTER EXTENSION hamnet UPDATE;}, "$version: installs into a schema full of traps");
	is(superusers(), $superusers, "$version: and springs none");
	returns('installer', $database, q{SELECT count(*) FROM pg_amproc WHERE amproc::text = 'evil.ghfp_sortsupport'},
		'3', "$version: and is whole");
	allowed('installer', $database, 'DROP EXTENSION hamnet; CREATE TABLE evil._hamnet_model (name text)', "$version: tables of its names can be there before it");
	refused('installer', $database, "CREATE EXTENSION hamnet VERSION '$version' SCHEMA evil", qr/relation "_hamnet_model" already exists/,
		"$version: but then it is not installed");
}

###########################################################################
# After installing: the schema belongs to whoever installed it, the tables to
# a superuser, in whose name the extension writes them.

$node->safe_psql('postgres', 'CREATE DATABASE owned; GRANT CREATE ON DATABASE owned TO installer');

# A name of a schema is no format.
my $strange = 'a%s%s%s%1$s%n%d.";$$--';
(my $quoted = $strange) =~ s/"/""/g;
allowed('installer', 'owned', qq{
	CREATE SCHEMA "$quoted";
	GRANT USAGE ON SCHEMA "$quoted" TO PUBLIC;
	CREATE EXTENSION hamnet SCHEMA "$quoted";}, 'installs into a schema with a strange name');
my $path = qq{SET search_path = "$quoted";};
allowed('alice', 'owned', qq{$path
	CREATE TEMP TABLE y AS SELECT 'C' || repeat('C', n) AS smiles, n::float8 AS size, NULL::hfp AS fp, NULL::float8 AS predicted
		FROM generate_series(1, 12) AS n;
	CREATE INDEX ON y USING hamnet (fp);
	SELECT hamnet_load_model('alice', $weights);
	SELECT hamnet_load_model('alice', $weights, true);
	CALL hamnet_train('trained', 'SELECT smiles, size FROM y', '$quick');
	CALL hamnet_enrich('y', 'smiles', 'fp', '{"model": "trained", "predictions": {"size": "predicted"}}');
	SELECT * FROM hamnet_enrich_report('y', 'smiles', 'fp');
	SELECT * FROM hamnet_evaluate('trained', 'SELECT smiles, size FROM y');
	SELECT id FROM y ORDER BY fp <-> hamnet_fingerprint('CCO', 'trained') LIMIT 1;} =~ s/SELECT id FROM/SELECT smiles FROM/r,
	'everything works there');
returns('alice', 'owned', "$path SELECT model, state FROM hamnet_training_runs()", 'trained|done', 'so do runs');
returns('alice', 'owned', "$path SELECT model, epoch FROM hamnet_training_log()", "trained|1\ntrained|2", 'and the log');
returns('alice', 'owned', "$path SELECT count(*) FROM hamnet_models() WHERE owner = 'alice'", '2', 'and models');

# Owning the schema, one may drop an index of the extension's table, and put one of another table in its place.
my $id = $node->safe_psql('owned', qq{$path SELECT id FROM hamnet_models() WHERE name = 'alice'});
allowed('installer', 'owned', qq{$path
	DROP INDEX _hamnet_model_id;
	CREATE TABLE decoy (name bigint, id bigint);
	CREATE INDEX _hamnet_model_id ON decoy (name, id);
	INSERT INTO decoy SELECT 4294967296 * n, 4294967296 * n FROM generate_series(1, 1000) AS n;}, 'an index is replaced by another table\'s');
returns('bob', 'owned', "$path SELECT hamnet_fingerprint_pinned('CCO', '$id') = hamnet_fingerprint('CCO', 'alice')", 't', 'which is not believed');
refused('installer', 'owned', "$path DROP INDEX _hamnet_model_pkey", qr/cannot drop index _hamnet_model_pkey because/, 'keys stay');
refused('installer', 'owned', "$path DROP TABLE _hamnet_model", qr/because extension hamnet requires it/, 'tables stay');
refused('installer', 'owned', "$path DROP FUNCTION hamnet_smiles_error(text)", qr/because extension hamnet requires it/, 'functions stay');
refused('installer', 'owned', "$path $_", qr/must be owner of|permission denied for table/, $_)
  foreach ('ALTER EXTENSION hamnet DROP TABLE _hamnet_model', 'ALTER TABLE _hamnet_model RENAME TO x',
	'CREATE TRIGGER t AFTER INSERT ON _hamnet_model EXECUTE FUNCTION _hamnet_model_changed()',
	'CREATE TABLE child () INHERITS (_hamnet_model)', 'CREATE TABLE child (name text REFERENCES _hamnet_model)',
	'CREATE RULE r AS ON INSERT TO _hamnet_model DO ALSO NOTHING', 'CREATE POLICY p ON _hamnet_model',
	'CREATE INDEX ON _hamnet_model (dim)', 'ALTER TABLE _hamnet_model ALTER owner SET DEFAULT bob()',
	'CREATE STATISTICS s ON name, id FROM _hamnet_model', 'DELETE FROM _hamnet_model', 'UPDATE _hamnet_model SET owner = DEFAULT',
	'SELECT * FROM _hamnet_training', 'SELECT * FROM _hamnet_training_epoch', 'SELECT * FROM _hamnet_checkpoint',
	'TRUNCATE _hamnet_checkpoint', 'BEGIN; LOCK TABLE _hamnet_model IN ACCESS EXCLUSIVE MODE');
refused('installer', 'owned', qq{$path CREATE OR REPLACE FUNCTION hamnet_smiles_error(smiles text) RETURNS text LANGUAGE sql AS 'SELECT smiles'},
	qr/must be owner of function/, 'functions are not replaced');

# Whoever owns the schema can swap it with another one in the middle of a statement. The other's tables have
# triggers, which must not run as the owner of the extension's.
$node->safe_psql('postgres', 'CREATE DATABASE swapped; GRANT CREATE ON DATABASE swapped TO installer');
allowed('installer', 'swapped', q{
	CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA tools;
	GRANT USAGE ON SCHEMA one, two, tools TO PUBLIC;
	CREATE EXTENSION hamnet SCHEMA one;
	CREATE TABLE tools.sprung (who name);
	CREATE TABLE two._hamnet_model (name text, id text, weights bytea, dim int, features text, targets text[], owner name, created_at timestamptz);
	GRANT ALL ON two._hamnet_model, tools.sprung TO PUBLIC;
	CREATE FUNCTION tools.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_user <> 'alice' THEN INSERT INTO tools.sprung VALUES (current_user); END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER spring BEFORE INSERT OR UPDATE OR DELETE ON two._hamnet_model EXECUTE FUNCTION tools.spring();
	CREATE PROCEDURE tools.swap(times int) LANGUAGE plpgsql AS $$ BEGIN
		FOR i IN 1 .. 2 * times LOOP
			ALTER SCHEMA one RENAME TO three; ALTER SCHEMA two RENAME TO one; ALTER SCHEMA three RENAME TO two;
			COMMIT;
		END LOOP;
	END $$;
	CREATE PROCEDURE tools.store(INOUT done int, INOUT failed int, weights bytea, seconds float8) LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + make_interval(secs => seconds);
		here text;
	BEGIN
		WHILE clock_timestamp() < until LOOP
			BEGIN
				SELECT quote_ident(nspname) INTO STRICT here FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proname = 'hamnet_load_model';
				EXECUTE format('SELECT %s.hamnet_load_model($1, $2), %s.hamnet_drop_model($1)', here, here) USING 'm' || done + failed, weights;
				done := done + 1;
			EXCEPTION WHEN undefined_function OR undefined_table OR undefined_object THEN
				failed := failed + 1;
			END;
			COMMIT;
		END LOOP;
	END $$;}, 'a schema and its decoy');
my $stop = 0;
my $swapper = IPC::Run::start([ 'psql', '--no-psqlrc', '--quiet', '-U', 'installer', '--dbname', $node->connstr('swapped'), '--command', 'CALL tools.swap(100000)' ],
	'<', \undef, '>', \my $swap_out, '2>', \my $swap_err);
my $done = allowed('alice', 'swapped', "CALL tools.store(0, 0, $weights, 5)", 'models are stored while schemas are swapped');
$swapper->kill_kill;
note("stored|failed: $done");
cmp_ok((split(/\|/, $done))[0], '>', 0, 'some are');
is($node->safe_psql('swapped', 'SELECT count(*), min(who) FROM tools.sprung'), '0|', 'and no trigger of the decoy runs as another');

###########################################################################
# Who acts: the role with whose rights code runs, not the one that logged in

$node->safe_psql('postgres', 'CREATE DATABASE work');
$node->safe_psql('work', q{
	CREATE EXTENSION hamnet;
	GRANT CREATE ON SCHEMA public TO alice, bob, carol;
	CREATE ROLE team; GRANT team TO alice, carol;});
allowed('alice', 'work', qq{
	SELECT hamnet_load_model('of_alice', $weights);
	SET ROLE team;
	SELECT hamnet_load_model('of_team', $other_weights);}, 'models of two roles');
refused('bob', 'work', $_, qr/must be owner of model "of_alice"/, 'another role may not: ' . substr($_, 0, 50))
  foreach ("SELECT hamnet_load_model('of_alice', $other_weights, true)", q{SELECT hamnet_drop_model('of_alice')},
	qq{CALL hamnet_train('of_alice', 'SELECT ''C'', 1.0', '$quick')}, q{CALL hamnet_train_engine('of_alice', 'SELECT ''C''')});
allowed('carol', 'work', "SELECT hamnet_load_model('of_team', $weights, true)", 'a member of the owning role may');
allowed('bob', 'work', q{SELECT hamnet_predict('CCO', 'of_alice')}, 'everybody may use a model');

# Code of bob that superusers and others run, in bob's name or in theirs
allowed('bob', 'work', q{
	CREATE FUNCTION attack(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		EXECUTE what;
		RETURN 'done';
	EXCEPTION WHEN others THEN
		RETURN sqlerrm;
	END $$;
	CREATE FUNCTION in_index(smiles text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
		RETURN concat(public.attack('SELECT public.hamnet_drop_model(''of_alice'')'),
			public.attack('SELECT public.hamnet_load_model(''planted'', (SELECT weights FROM public._hamnet_model WHERE name = ''of_alice''))'));
	END $$;
	CREATE TABLE bait (smiles text);
	INSERT INTO bait VALUES ('C');
	CREATE INDEX bait_index ON bait (in_index(smiles));
	SELECT hamnet_drop_model('planted');
	CREATE FUNCTION for_all(what text) RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT public.attack(what) $$;});
$node->safe_psql('work', 'REINDEX TABLE bait');
returns('alice', 'work', q{SELECT name, owner FROM hamnet_models() WHERE name IN ('of_alice', 'planted') ORDER BY 1}, "of_alice|alice\nplanted|bob",
	'a function in an index acts as the owner of its table, whoever maintains it');
returns('alice', 'work', q{SELECT for_all('SELECT hamnet_drop_model(''of_alice'')')}, 'must be owner of model "of_alice"', 'one with SECURITY DEFINER as its owner');
returns('alice', 'work', q{SELECT for_all('SELECT hamnet_drop_model(''planted'')')}, 'done', 'which may be more than the caller');
returns('alice', 'work', qq{SELECT for_all('CALL hamnet_train(''of_bob'', ''SELECT repeat(''''C'''', n), n::float8 FROM generate_series(1, 12) AS n'', ''$quick'')')},
	'done', 'so does training');
returns('bob', 'work', q{SELECT m.owner, r.owner FROM hamnet_models() m, hamnet_training_runs() r WHERE name = 'of_bob' AND model = 'of_bob'}, 'bob|bob',
	'whose model and run are its owner\'s');

###########################################################################
# Who sees what of trainings

returns('alice', 'work', q{SELECT count(*) FROM hamnet_training_runs(), hamnet_training_log()}, '0', 'nobody sees the runs of others');
returns($superuser, 'work', q{SELECT r.owner, count(*) FROM hamnet_training_runs() r, hamnet_training_log() GROUP BY 1}, 'bob|2', 'but the owner of the database');
allowed('alice', 'work', qq{
	CREATE TABLE secret (smiles text, y float8);
	INSERT INTO secret SELECT repeat('C', n), n FROM generate_series(1, 12) AS n;
	INSERT INTO secret VALUES ('no molecule', 1);
	CALL hamnet_train('of_alice', 'SELECT smiles, y FROM secret', '$quick')}, 'alice trains');
returns('bob', 'work', q{SELECT count(*) FROM hamnet_training_runs() WHERE owner <> 'bob'}, '0', 'bob does not see it');
returns('alice', 'work', q{SELECT report::text LIKE '%no molecule%' FROM hamnet_training_runs()}, 't', 'alice does');
refused('bob', 'work', $_, qr/permission denied for/, "no rights: $_")
  foreach ('SELECT * FROM _hamnet_training', 'SELECT * FROM _hamnet_training_epoch', 'SELECT * FROM _hamnet_checkpoint',
	q{UPDATE _hamnet_training SET owner = 'bob'}, 'DELETE FROM _hamnet_training_epoch', q{INSERT INTO _hamnet_checkpoint VALUES (1, 0, '')},
	'TRUNCATE _hamnet_training', q{UPDATE _hamnet_model SET owner = 'bob'}, 'INSERT INTO _hamnet_model DEFAULT VALUES', 'DELETE FROM _hamnet_model',
	q{INSERT INTO _hamnet_axes VALUES ('a', '')}, q{SELECT nextval('_hamnet_training_id_seq')}, q{SELECT setval('_hamnet_training_id_seq', 1)},
	'COPY _hamnet_training TO STDOUT', 'CREATE TRIGGER t AFTER INSERT ON _hamnet_model EXECUTE FUNCTION _hamnet_model_changed()');
returns('bob', 'work', q{SELECT position('CCCC'::bytea IN weights) + position('secret'::bytea IN weights) FROM _hamnet_model WHERE name = 'of_alice'}, '0',
	'a network has no SMILES and no query in it');


###########################################################################
# hamnet_enrich: triggers, policies and background workers

allowed('bob', 'work', q{
	CREATE TABLE tried (n int, what text, outcome text, who name, session name, role text, path text, pid int);
	CREATE FUNCTION try(n int, what text) RETURNS void LANGUAGE plpgsql AS $$ DECLARE outcome text; BEGIN
		outcome := public.attack(what);
		INSERT INTO public.tried SELECT n, what, outcome, current_user, session_user, current_setting('role'), current_setting('search_path'), pg_backend_pid();
	END $$;
	CREATE FUNCTION escape() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM public.try(NEW.id, what) FROM unnest(ARRAY['RESET ROLE', 'SET ROLE NONE', 'SET ROLE ' || TG_ARGV[0], 'RESET SESSION AUTHORIZATION',
			'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL SESSION AUTHORIZATION ' || TG_ARGV[0], 'DISCARD ALL',
			'ALTER ROLE bob SUPERUSER', 'SELECT set_config(''role'', ''none'', false)', 'COMMIT']) AS what;
		RETURN NEW;
	END $$;
	CREATE TABLE library (id int, smiles text, fp hfp);
	CREATE TABLE deferred_library (LIKE library);} . qq{
	CREATE TRIGGER escape BEFORE UPDATE ON library FOR EACH ROW EXECUTE FUNCTION escape('$superuser');
	CREATE CONSTRAINT TRIGGER escape AFTER UPDATE ON deferred_library DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escape('$superuser');
	INSERT INTO library SELECT n, repeat('C', n) FROM generate_series(1, 4) AS n;
	INSERT INTO deferred_library TABLE library;}, 'tables with triggers that try to escape');

# As bob, who has logged in; as bob by SET ROLE and by SET SESSION AUTHORIZATION of a superuser.
foreach my $case ([ 'bob', '', 'bob|bob|none' ], [ $superuser, 'SET ROLE bob', "bob|$superuser|bob" ],
	[ $superuser, 'SET SESSION AUTHORIZATION bob', 'bob|bob|none' ])
{
	my ($login, $become, $expected) = @$case;

	foreach my $table ('library', 'deferred_library')
	{
		my $name = "$table, $login" . ($become && ", $become");

		$node->safe_psql('work', "TRUNCATE tried; ALTER TABLE $table DISABLE TRIGGER USER; UPDATE $table SET fp = NULL; ALTER TABLE $table ENABLE TRIGGER USER");
		my $leader = allowed($login, 'work', qq{$become; SET search_path = 'public', '\$user'; SELECT pg_backend_pid();
			CALL hamnet_enrich('$table', 'smiles', 'fp', '{"workers": 2}')}, "$name: enriched");
		returns($superuser, 'work', 'SELECT who, session, role FROM tried GROUP BY 1, 2, 3', $expected, "$name: workers are who the caller is");
		returns($superuser, 'work', "SELECT DISTINCT path, pid = $leader FROM tried", 'public, "$user"|f', "$name: by workers with the caller's search path");
		returns($superuser, 'work', q{SELECT DISTINCT outcome FROM tried WHERE what <> 'COMMIT' ORDER BY 1}, join("\n",
			'DISCARD ALL cannot run inside a transaction block', 'cannot set parameter "role" within security-definer function',
			'cannot set parameter "session_authorization" within security-definer function', 'must be superuser to alter superuser roles or change superuser attribute'),
			"$name: and nothing gets them out");
	}
}
is(superusers(), $superusers, 'nobody has become a superuser');

$node->stop;
done_testing();
