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

my $hex = unpack('H*', slurp_file('test/golden/models-0.1.0/full.safetensors'));
my $weights = "'\\x$hex'::bytea";
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

# Many statements, of which each fails.
sub all_refused
{
	my ($role, $database, $statements, $pattern, $name) = @_;
	my ($stdout, $stderr);

	$node->psql($database, join(";\n\\warn next\n", @$statements) . ';', stdout => \$stdout, stderr => \$stderr, on_error_stop => 0,
		extra_params => [ '-U', $role ]);
	my @said = split(/^next\n/m, $stderr, -1);
	my @others = grep { ($said[$_] // '') !~ /ERROR:  .*(?:$pattern)/s } 0 .. $#$statements;
	is(join("\n", map { "$statements->[$_]: " . ($said[$_] // 'not reached') } @others), '', $name);
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

my @versions = split(/\n/, $node->safe_psql('postgres', q{SELECT version FROM pg_available_extension_versions WHERE name = 'hamnet' ORDER BY 1}));
cmp_ok(scalar @versions, '>=', 2, 'versions to install: ' . join(' ', @versions));
foreach my $version (@versions)
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

# What the scripts do that looks up names at once has to be written with the schema pg_catalog.
foreach my $script (glob($node->config_data('--sharedir') . '/extension/hamnet--*.sql'))
{
	my $text = slurp_file($script);
	my ($name) = $script =~ m{([^/]+)$};
	my @unsafe;

	$text =~ s/--.*$//mg;
	$text =~ s/^\\echo.*$//mg;
	foreach my $body ($text =~ /^DO \$\$(.*?)\$\$;/msg)
	{
		(my $code = $body) =~ s/'[^']*'//g;
		# A function without arguments that the script has just created is found in its schema, whatever else is there.
		my @calls = grep { !/\(\)$/ || $text !~ /^CREATE FUNCTION \Q${\(s{\(\)$}{}r)}\E\(OUT/m } $code =~ /(?<![.\w])([a-z_]\w*\s*\(\)?)/g;
		push @unsafe, map { "DO calls $_" } @calls;
		push @unsafe, "DO has operator $1" while $code =~ /(?<![.:<>|=])([<>|+*=-]+)(?!\))/g;
	}
	$text =~ s/\$\$.*?\$\$/''/sg;
	$text =~ s/'[^']*'/''/g;
	foreach my $statement (split(/;/, $text))
	{
		$statement =~ s/\s+/ /g;
		$statement =~ s/^ //;
		push @unsafe, $statement
		  if $statement =~ /OR REPLACE|IF NOT EXISTS/ || $statement !~ /^(CREATE|COMMENT|ALTER|REVOKE|GRANT|DROP|SELECT pg_catalog\.\w+\('', ''\)$|DO ''$|$)/;
	}
	is(join("\n", @unsafe), '', "$name names what it uses with its schema");
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
returns('alice', 'owned', "$path SELECT model, state FROM hamnet_training_runs()", 'trained|done', 'runs are shown in an extension owned by another');
returns('alice', 'owned', "$path SELECT model, epoch FROM hamnet_training_log()", "trained|1\ntrained|2", 'the log is shown in an extension owned by another');
returns('alice', 'owned', "$path SELECT count(*) FROM hamnet_models() WHERE owner = 'alice'", '2', 'models are shown in an extension owned by another');

# Owning the schema, one may drop an index of the extension's table, and put one of another table in its place.
my $id = $node->safe_psql('owned', qq{$path SELECT id FROM hamnet_models() WHERE name = 'alice'});
allowed('installer', 'owned', qq{$path
	DROP INDEX _hamnet_model_id;
	CREATE TABLE decoy (name bigint, id bigint);
	CREATE INDEX _hamnet_model_id ON decoy (name, id);
	INSERT INTO decoy SELECT 4294967296 * n, 4294967296 * n FROM generate_series(1, 1000) AS n;}, 'an index is replaced by another table\'s');
returns('bob', 'owned', "$path SELECT hamnet_fingerprint_pinned('CCO', '$id') = hamnet_fingerprint('CCO', 'alice')", 't', 'an index of another table is not believed');
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
my $done = allowed('alice', 'swapped', "CALL tools.store(0, 0, $weights, 3)", 'models are stored while schemas are swapped');
$swapper->kill_kill;
note("stored|failed: $done");
cmp_ok((split(/\|/, $done))[0], '>', 0, 'some models are stored while schemas are swapped');
is($node->safe_psql('swapped', 'SELECT count(*), min(who) FROM tools.sprung'), '0|', 'no trigger of the decoy runs as another role');

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
	q{SELECT hamnet_combine_models('of_alice', '{hamnet-engine}', false, true)}, qq{CALL hamnet_train('of_alice', 'SELECT ''C'', 1.0', '$quick')}, q{CALL hamnet_train_engine('of_alice', 'SELECT ''C''')});
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
returns('alice', 'work', q{SELECT for_all('SELECT hamnet_drop_model(''planted'')')}, 'done', 'a function with SECURITY DEFINER may drop its owner\'s model');
returns('alice', 'work', qq{SELECT for_all('CALL hamnet_train(''of_bob'', ''SELECT repeat(''''C'''', n), n::float8 FROM generate_series(1, 12) AS n'', ''$quick'')')},
	'done', 'training in a function with SECURITY DEFINER ends well');
returns('bob', 'work', q{SELECT m.owner, r.owner FROM hamnet_models() m, hamnet_training_runs() r WHERE name = 'of_bob' AND model = 'of_bob'}, 'bob|bob',
	'whose model and run are its owner\'s');

# A check of an index computes its expressions, which run as the owner of the table, as in REINDEX.
allowed('bob', 'work', q{
	CREATE FUNCTION in_hamnet_index(smiles text) RETURNS hfp IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
		PERFORM public.attack('ALTER ROLE bob SUPERUSER');
		PERFORM public.attack('CREATE TABLE public.planted_by_index AS SELECT current_user::text AS who');
		PERFORM public.attack('SET ROLE NONE');
		RETURN public.hamnet_fingerprint(smiles);
	END $$;
	CREATE INDEX checked ON bait USING hamnet (in_hamnet_index(smiles)) WHERE in_hamnet_index(smiles) IS NOT NULL;
	DROP TABLE IF EXISTS planted_by_index;}, 'an index with a function that attacks');
returns($superuser, 'work', q{SELECT hamnet_index_check('checked'), current_user; SELECT who FROM planted_by_index}, "1|$superuser\nbob",
	'functions in an index that is checked run as the owner of its table');
is(superusers(), $superusers, 'functions in an index that is checked make nobody a superuser');

###########################################################################
# Who sees what of trainings

returns('alice', 'work', q{SELECT count(*) FROM hamnet_training_runs(), hamnet_training_log()}, '0', 'nobody sees the runs of others');
returns($superuser, 'work', q{SELECT r.owner, count(*) FROM hamnet_training_runs() r, hamnet_training_log() GROUP BY 1}, 'bob|2', 'the owner of the database sees the runs of all');
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

my $no_superuser = $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000 ? 'permission denied to alter role' :
	'must be superuser to alter superuser roles or change superuser attribute';

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
			'cannot set parameter "session_authorization" within security-definer function', $no_superuser),
			"$name: and nothing gets them out");
	}
}
is(superusers(), $superusers, 'nobody has become a superuser');


###########################################################################
# A search path full of traps, in front of pg_catalog: each of the server's functions, operators and types has
# a double that raises an error.

$node->safe_psql('work', 'CREATE SCHEMA bob AUTHORIZATION bob');
allowed('bob', 'work', q{
	CREATE FUNCTION bob.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap sprung'; END $$;
	DO $$
	DECLARE
		item record;
		planted int := 0;
	BEGIN
		FOR item IN SELECT proname, oidvectortypes(proargtypes) AS args, format_type(prorettype, NULL) AS result FROM pg_catalog.pg_proc
			WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a') AND NOT proretset AND pronargs <= 4 AND provariadic = 0
			AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'cstring'::regtype)
			AND proargtypes::text !~ '\m(2276|2281|2275)\M'
		LOOP
			BEGIN
				EXECUTE format('CREATE FUNCTION bob.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''trap sprung''; END $f$', item.proname, item.args, item.result);
				planted := planted + 1;
			EXCEPTION WHEN others THEN NULL;
			END;
		END LOOP;
		FOR item IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprcode::oid::regprocedure FROM pg_catalog.pg_operator
			WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0
		LOOP
			BEGIN
				EXECUTE format('CREATE FUNCTION bob.op(%s, %s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RAISE ''trap sprung''; END $f$', item.l, item.r);
			EXCEPTION WHEN others THEN NULL;
			END;
			BEGIN
				EXECUTE format('CREATE OPERATOR bob.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = bob.op)', item.oprname, item.l, item.r);
				planted := planted + 1;
			EXCEPTION WHEN others THEN NULL;
			END;
		END LOOP;
		FOR item IN SELECT format_type(oid, NULL) AS original, typname FROM pg_catalog.pg_type
			WHERE typname IN ('text', 'jsonb', 'int4', 'int8', 'float8', 'bytea', 'tid', 'oid', 'name', 'regclass', 'timestamptz', 'bool')
		LOOP
			EXECUTE format('CREATE DOMAIN bob.%I AS pg_catalog.%I CHECK (bob.trap())', item.typname, item.typname);
		END LOOP;
		IF planted < 2000 THEN
			RAISE 'only % traps', planted;
		END IF;
	END $$;
	GRANT USAGE ON SCHEMA bob TO PUBLIC;}, 'a schema of traps');
$node->safe_psql('work', 'CREATE TABLE library_of_all AS SELECT id, smiles, NULL::hfp AS fp, NULL::float8 AS y, NULL::text AS reason FROM library;
	GRANT ALL ON library_of_all, secret TO PUBLIC; CREATE INDEX ON library_of_all USING hamnet (fp); CREATE INDEX ON library_of_all USING gist (fp)');
refused('alice', 'work', q{SET search_path = bob, pg_catalog; SELECT 1 + 1}, qr/trap sprung/, 'the traps are armed');
refused('alice', 'work', q{SET search_path = bob, pg_catalog; SELECT lower('A')}, qr/trap sprung/, 'all of them');
foreach my $role ('alice', $superuser)
{
	allowed($role, 'work', qq{SET search_path = bob, pg_catalog; $_}, "$role: no trap is sprung by " . substr($_, 0, 60))
	  foreach (
		"SELECT public.hamnet_load_model('trapped', pg_catalog.decode('$hex', 'hex'), false)",
		q{SELECT * FROM public.hamnet_models()}, q{SELECT public.hamnet_fingerprint('CCO', 'trapped')}, q{SELECT * FROM public.hamnet_predictions('CCO', 'trapped')},
		q{SELECT public.hamnet_drop_model('trapped')},
		qq{CALL public.hamnet_train('trapped', 'SELECT smiles, y FROM public.secret', '$quick')},
		q{CALL public.hamnet_train('trapped', 'SELECT smiles, y FROM public.secret', '{"head": "kernel", "base": "of_team", "validation": 0.2}')},
		q{SELECT * FROM public.hamnet_evaluate('trapped', 'SELECT smiles, y FROM public.secret')},
		q{SELECT * FROM public.hamnet_training_runs(); SELECT * FROM public.hamnet_training_log()},
		q{CALL public.hamnet_enrich('public.library_of_all', 'smiles', 'fp', '{"workers": 2, "error_column": "reason"}')},
		q{CALL public.hamnet_enrich('public.library_of_all', 'smiles', NULL, '{"model": "trapped", "predictions": {"y": "y"}, "retry": true, "error_column": "reason"}')},
		q{SELECT * FROM public.hamnet_enrich_progress(); SELECT * FROM public.hamnet_enrich_report('public.library_of_all', 'smiles', 'fp')},
		q{SELECT * FROM public.hamnet_fingerprint_query('SELECT id, smiles FROM public.library_of_all') AS q(id pg_catalog.int4, smiles pg_catalog.text, fp public.hfp)},
		q{SELECT public.hamnet_fit_axes('SELECT fp FROM public.library_of_all')},
		q{SET enable_seqscan = off; SELECT id FROM public.library_of_all ORDER BY fp OPERATOR(public.<->) public.hamnet_fingerprint('CCO') LIMIT 3},
		q{SET enable_seqscan = off; SELECT id FROM public.library_of_all WHERE public.hamnet_within(fp, public.hamnet_fingerprint('CCO'), 1)},
		q{SELECT public.sum(fp), public.avg(fp) FROM public.library_of_all},
		q{SELECT * FROM public.hamnet_version(); SELECT public.hamnet_smiles_error('x'), public.hamnet_canonical_smiles('OCC')},
		q{SELECT public.hamnet_embed('CCO'); SELECT * FROM public.hamnet_descriptors('CCO'); SELECT * FROM public.hamnet_engine_positions('CCO', 'of_team')},
		q{SELECT public.hamnet_drop_model('trapped')});
	$node->safe_psql('work', 'UPDATE library_of_all SET fp = NULL, y = NULL, reason = NULL');
}
allowed($superuser, 'work', q{SET search_path = bob, pg_catalog; SELECT public.hamnet_index_check('public.library_of_all_fp_idx'); SELECT * FROM public.hamnet_index_stats('public.library_of_all_fp_idx')},
	'looking at an index runs no function of the search path');


###########################################################################
# Names are names, whatever is in them

sub quote
{
	my ($mark, $text) = @_;

	return $mark . ($text =~ s/$mark/$mark$mark/gr) . $mark;
}

sub identifier { return quote('"', $_[0]) }
sub literal { return quote("'", $_[0]) }

# A text as JSON writes it.
sub json { return '"' . ($_[0] =~ s/(["\\])/\\$1/gr =~ s/\n/\\n/gr) . '"' }

foreach my $name (
	q{a"b'c}, q{x'; DROP TABLE secret; --}, q{x"; DROP TABLE secret; --}, q{$$; DROP TABLE secret; $$}, "two\nlines", q{%s%n%1$s}, q{\'; SELECT 1; --},
	q{{"json": [1]}}, 'x' x 63, "x" . "\x{c3}\x{a4}" x 31, 'SELECT', ' ', '/* */', 't', 'v', 'place', '../../etc/passwd', '/etc/passwd', 'class.oid')
{
	# Names of three more columns, as long and as strange.
	my ($fp, $predicted, $reason) = map { $_ . substr($name, 1) } ('F', 'P', 'E');
	my $relation = identifier($name) . '.' . identifier($name);
	my $target = $name =~ s/\n/ /gr;		# of a model: no control characters
	my ($i, $f, $p, $e) = map { identifier($_) } ($name, $fp, $predicted, $reason);
	my $enrich = "CALL hamnet_enrich(@{[literal($relation)]}, @{[literal($name)]},";
	(my $shown = substr($name, 0, 30)) =~ s/\n/\\n/;

	returns($superuser, 'work', join(";\n",
			"CREATE SCHEMA $i",
			"CREATE TABLE $relation ($i text, $f hfp, $p float8, $e text)",
			"INSERT INTO $relation SELECT repeat('C', n) FROM generate_series(1, 12) AS n UNION ALL SELECT 'no molecule'",
			"SELECT length(hamnet_load_model(@{[literal($name)]}, $weights))",
			"$enrich @{[literal($fp)]}, @{[literal('{\"model\": ' . json($name) . ', \"workers\": 1, \"error_column\": ' . json($reason) . '}')]})",
			"SELECT count(*) FROM hamnet_enrich_report(@{[literal($relation)]}, @{[literal($name)]}, @{[literal($fp)]})",
			"SELECT count($f), count($e) FROM $relation",
			"CALL hamnet_train(@{[literal($name)]}, @{[literal(\"SELECT $i, length($i) AS @{[identifier($target)]} FROM $relation\")]}, '$quick')",
			"SELECT count(*) FROM hamnet_predictions('CCO', @{[literal($name)]}) WHERE property = @{[literal($target)]}",
			"$enrich NULL, @{[literal('{\"model\": ' . json($name) . ', \"predictions\": {' . json($target) . ': ' . json($predicted) . '}}')]})",
			"SELECT count($p) FROM $relation",
			"SELECT n FROM hamnet_evaluate(@{[literal($name)]}, @{[literal(\"SELECT $i, length($i) AS @{[identifier($target)]} FROM $relation\")]}) WHERE metric = 'rmse'",
			"SELECT hamnet_drop_model(@{[literal($name)]})",
			"DROP TABLE $relation",
			"DROP SCHEMA $i"),
		"64\n1\n12|1\n1\n12\n12\n", "names: $shown");
}
returns($superuser, 'work', 'SELECT count(*) FROM secret', '13', 'nothing of them was run');
refused('bob', 'work', "SELECT hamnet_fingerprint('C', '$_')", qr/model "\Q$_\E" does not exist/, "no file is read: $_")
  foreach ('../../etc/passwd', '/etc/passwd', 'hamnet-untrained.safetensors', '../hamnet-untrained', $node->data_dir . '/PG_VERSION');
refused('bob', 'work', qq{SELECT hamnet_load_model('$_', $weights)}, qr/invalid model name|invalid byte sequence|null character/, 'no name of a model')
  foreach ('', 'x' x 64);
refused('bob', 'work', qq{SELECT hamnet_load_model('hamnet-engine', $weights)}, qr/reserved for a built-in model/, 'built-in models cannot be shadowed');

###########################################################################
# Queries: one SELECT that writes nothing, with the caller's rights

allowed('alice', 'work', 'CREATE TABLE of_alice_alone AS TABLE secret', 'a table of alice alone');
my $train = sub { my ($query) = @_; $query =~ s/'/''/g; return "CALL hamnet_train('q', '$query', '$quick')" };
my %runners = (
	hamnet_train => $train,
	hamnet_train_engine => sub { my ($query) = @_; $query =~ s/'/''/g; return "CALL hamnet_train_engine('q', '$query')" },
	hamnet_evaluate => sub { my ($query) = @_; $query =~ s/'/''/g; return "SELECT * FROM hamnet_evaluate('of_team', '$query')" },
	hamnet_evaluate_engine => sub { my ($query) = @_; $query =~ s/'/''/g; return "SELECT * FROM hamnet_evaluate_engine('hamnet-engine', '$query')" },
	hamnet_fingerprint_query => sub { my ($query) = @_; $query =~ s/'/''/g; return "SELECT * FROM hamnet_fingerprint_query('$query') AS q(smiles text, y float8, fp hfp)" },
	hamnet_fit_axes => sub { my ($query) = @_; $query =~ s/'/''/g; return "SELECT hamnet_fit_axes('$query')" },
);
foreach my $runner (sort keys %runners)
{
	my @queries = ('DELETE FROM secret', 'SELECT smiles, y FROM secret; DROP TABLE secret', 'DELETE FROM secret RETURNING smiles, y',
		'WITH d AS (DELETE FROM secret RETURNING *) SELECT smiles, y FROM d', 'SELECT smiles, y FROM secret FOR UPDATE', 'TRUNCATE secret',
		'SELECT smiles, y INTO stolen FROM secret', 'CREATE TABLE stolen AS SELECT smiles, y FROM secret', 'EXPLAIN ANALYZE DELETE FROM secret',
		'COPY secret TO STDOUT', 'BEGIN', 'COMMIT', 'SET ROLE bob', 'VACUUM', 'DO $$ BEGIN END $$', 'DECLARE c CURSOR FOR SELECT 1',
		q{SELECT smiles, y FROM secret) TO '/tmp/x'; --}, '', ';', 'SELECT smiles, y FROM secret WHERE (');
	my $columns = $runner =~ /engine/ ? 'smiles, ARRAY[y]' : $runner =~ /axes/ ? 'hamnet_fingerprint(smiles)' :
	  $runner eq 'hamnet_evaluate' ? 'smiles, y AS "Größe µ"' : 'smiles, y';

	all_refused('alice', 'work', [ map { $runners{$runner}->(s/smiles, y/$columns/r) } @queries ],
		'must be a single SELECT|must neither change nor lock rows|not allowed in a non-volatile function|cannot read the rows|cannot open|syntax error',
		"$runner: no statements but SELECT");
	refused('carol', 'work', $runners{$runner}->("SELECT $columns FROM of_alice_alone"), qr/permission denied for table of_alice_alone/,
		"$runner: no more rights than the caller has");
}
returns($superuser, 'work', 'SELECT count(*) FROM secret', '13', 'nothing of them was run');
refused('bob', 'work', $train->("SELECT pg_read_file('/etc/passwd'), 1.0"), qr/permission denied for function pg_read_file/, 'no files through queries');
refused('bob', 'work', $train->('SELECT rolpassword, 1.0 FROM pg_authid'), qr/permission denied for table pg_authid/, 'no passwords');

# Functions in a query have the rights of the caller and may change what it may change, no more.
my $rows = q{SELECT repeat('C', n) AS smiles, n::float8 AS y FROM generate_series(1, 12) AS n};
allowed('alice', 'work', q{
	CREATE TABLE seen (attempt text, who name, outcome text);
	CREATE FUNCTION try_all() RETURNS int LANGUAGE plpgsql AS $$ DECLARE attempt text; BEGIN
		FOREACH attempt IN ARRAY ARRAY['SET ROLE } . $superuser . q{', 'SET SESSION AUTHORIZATION } . $superuser . q{', 'ALTER ROLE alice SUPERUSER', 'COMMIT',
			'DROP TABLE library', 'SELECT public.hamnet_drop_model(''of_bob'')', 'DELETE FROM public._hamnet_model', 'CLOSE ALL'] LOOP
			INSERT INTO public.seen VALUES (attempt, current_user, public.attack(attempt));
		END LOOP;
		RETURN 0;
	END $$;
	CREATE FUNCTION train_too(model text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
		EXECUTE format('CALL public.hamnet_train(%L, %L, %L)', model, } . "'" . ($rows =~ s/'/''/gr) . "', '$quick'" . q{);
		RETURN 0;
	END $$;}, 'functions for queries');
allowed('alice', 'work', $train->("$rows WHERE n > try_all()"), 'a query with a function that tries to escape');
returns('alice', 'work', 'SELECT DISTINCT who FROM seen', 'alice', 'a function in a training query runs as the caller');
returns('alice', 'work', q{SELECT DISTINCT attempt FROM seen WHERE outcome = 'done'}, 'CLOSE ALL', 'a function in a query cannot close the cursor at work');
allowed('alice', 'work', $train->("$rows WHERE n > train_too('nested')"), 'a query that trains another model');
allowed('alice', 'work', $train->("$rows WHERE n > train_too('q')"), 'a query that trains the same model');
returns('alice', 'work', q{SELECT name, owner FROM hamnet_models() WHERE name IN ('q', 'nested') ORDER BY 1}, "nested|alice\nq|alice", 'both models of nested trainings are there');
returns('alice', 'work', q{SELECT count(*) FROM hamnet_training_runs() WHERE state <> 'done'}, '0', 'nested trainings leave no run unfinished');
allowed($superuser, 'work', "SET ROLE bob; " . ($train->($rows) =~ s/'q'/'of_bob'/r) . "; RESET ROLE", 'training in the role of another');
returns('bob', 'work', q{SELECT owner FROM hamnet_models() WHERE name = 'of_bob'}, 'bob', 'training in the role of another makes that role\'s model');

###########################################################################
# Row-level security and privileges on columns

allowed('alice', 'work', q{
	CREATE TABLE shared (id int, smiles text, y float8, hidden float8, fp hfp, who name);
	INSERT INTO shared (id, smiles, y, hidden, who) SELECT n, repeat('C', n), n, -n, CASE WHEN n <= 12 THEN 'bob' ELSE 'alice' END FROM generate_series(1, 24) AS n;
	ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON shared USING (who = current_user);
	GRANT SELECT (id, smiles, y, fp, who, ctid, tableoid), UPDATE (fp) ON shared TO bob;
	CREATE TABLE columns_only (id int, smiles text, fp hfp, other hfp);
	INSERT INTO columns_only VALUES (1, 'CCO');
	GRANT SELECT (smiles, fp, ctid, tableoid), UPDATE (fp) ON columns_only TO bob;
	CREATE TABLE read_only (id int, smiles text, fp hfp);
	INSERT INTO read_only VALUES (1, 'CCO'), (2, 'x');
	GRANT SELECT ON read_only TO bob;}, 'tables with policies and privileges on columns');
allowed('bob', 'work', q{CALL hamnet_enrich('shared', 'smiles', 'fp', '{"workers": 2}')}, 'bob enriches what he sees');
returns('alice', 'work', 'SELECT who, count(fp) FROM shared GROUP BY 1 ORDER BY 1', "alice|0\nbob|12", 'hamnet_enrich fills no row that a policy hides');
returns('bob', 'work', q{SELECT count(*) FROM hamnet_enrich_report('shared', 'smiles', 'fp')}, '0', 'the report shows no row that a policy hides');
returns('alice', 'work', q{SELECT count(*) FROM hamnet_enrich_report('shared', 'smiles', 'fp')}, '12', 'the report shows the owner every row');
refused('bob', 'work', q{CALL hamnet_enrich('shared', 'smiles', 'hidden', '{}')}, qr/has type double precision/, 'a column of another type');
refused('bob', 'work', q{CALL hamnet_enrich('shared', 'smiles', NULL, '{"model": "of_team", "predictions": {"Größe µ": "hidden"}}')}, qr/permission denied for table shared/, 'a column that he may not write');
refused('bob', 'work', q{CALL hamnet_enrich('columns_only', 'smiles', 'other')}, qr/permission denied for table columns_only/, 'a column that he may not read');
refused('bob', 'work', q{CALL hamnet_enrich('read_only', 'smiles', 'fp')}, qr/permission denied for table read_only/, 'a table that he may not write');
refused('bob', 'work', q{SELECT * FROM hamnet_enrich_report('no_table', 'smiles', 'fp')}, qr/does not exist/, 'a table that is not there');
refused('bob', 'work', q{SELECT * FROM hamnet_enrich_report('columns_only', 'smiles', 'other')}, qr/permission denied for table columns_only/, 'a report on what he may not read');
refused('bob', 'work', $train->('SELECT smiles, hidden FROM shared') =~ s/'q'/'r'/r, qr/permission denied for table shared/, 'training on what he may not read');
allowed('bob', 'work', $train->('SELECT smiles, y FROM shared') =~ s/'q'/'of_bob'/r, 'training on what he may');
returns('bob', 'work', q{SELECT n FROM hamnet_evaluate('of_bob', 'SELECT smiles, y FROM shared') WHERE metric = 'rmse'}, '12', 'takes the rows of the policy');
refused('bob', 'work', "SELECT $_", qr/must be owner of index/, "another's index: $_")
  foreach (q{hamnet_index_check('library_of_all_fp_idx')}, q{hamnet_index_stats('library_of_all_fp_idx')});

###########################################################################
# What an administrator can do about it

refused('bob', 'work', "BEGIN READ ONLY; $_", qr/in a read-only transaction/, 'read only: ' . substr($_, 0, 40))
  foreach ("SELECT hamnet_load_model('x', $weights)", q{SELECT hamnet_drop_model('of_bob')}, $train->($rows),
	q{SELECT hamnet_fit_axes('SELECT hamnet_fingerprint(''CC'')')}, q{CALL hamnet_enrich('library', 'smiles', 'fp')});
$node->safe_psql('work', q{
	REVOKE EXECUTE ON FUNCTION hamnet_load_model, hamnet_combine_models, hamnet_fit_axes FROM PUBLIC;
	REVOKE EXECUTE ON PROCEDURE hamnet_train, hamnet_train_engine, hamnet_enrich FROM PUBLIC;
	GRANT EXECUTE ON PROCEDURE hamnet_train TO alice;
	REVOKE SELECT ON _hamnet_model FROM PUBLIC;});
refused('bob', 'work', $_, qr/permission denied for/, 'revoked: ' . substr($_, 0, 40))
  foreach ("SELECT hamnet_load_model('x', $weights)", q{SELECT hamnet_fit_axes('SELECT hamnet_fingerprint(''CC'')')}, $train->($rows),
	q{CALL hamnet_train_engine('q', 'SELECT ''C''')}, q{CALL hamnet_enrich('library', 'smiles', 'fp')}, 'SELECT weights FROM _hamnet_model');
returns('alice', 'work', $train->($rows) . "; SELECT hamnet_predict('CCO', 'q') IS NOT NULL, owner, bytes > 0 FROM hamnet_models() WHERE name = 'q'", 't|alice|t',
	'granted: training, and models are listed and serve without their weights being readable');

is(superusers(), $superusers, 'nobody has become a superuser in the end');

$node->stop;
done_testing();
