# Nothing committed is lost, whatever is killed: backends and the whole server,
# by kill -9, in the middle of inserts, index builds, VACUUM, training and
# enriching. The indexes answer as a scan of the table does, a training ends in
# the same model, and a replica, a dump and a binary copy hold the same bits.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::Bin/../perl";
use Crash;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my $faults = $full ? 60 : 6;
my $seed = $ENV{HAMNET_SEED} // 8;
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';

# fsync only matters to a failure of the machine.
my $primary = PostgreSQL::Test::Cluster->new('durable');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', qq{
autovacuum = off
fsync = off
restart_after_crash = on
max_worker_processes = 16
checkpoint_timeout = 30s
wal_keep_size = 1GB});
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION hamnet');

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
$primary->safe_psql(
	'postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE nci (smiles text, id int PRIMARY KEY);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	DELETE FROM nci WHERE hamnet_smiles_error(smiles) IS NOT NULL;
	CREATE TABLE reference AS SELECT id, smiles, hamnet_fingerprint(smiles, 'small') AS fp FROM nci;
	CREATE INDEX ON reference (smiles);
	CREATE TABLE assay AS SELECT smiles, length(smiles) + id % 7 / 10.0 AS y FROM nci WHERE id <= 400;
	CREATE TABLE query AS SELECT fp AS q FROM reference WHERE id IN (11, 222, 3333) ORDER BY id;});
my $id = $primary->safe_psql('postgres', q{SELECT id FROM hamnet_models() WHERE name = 'small'});
$primary->safe_psql(
	'postgres', qq{
	-- filled by sessions that are killed; rows that are journalled are not changed again
	CREATE TABLE compound (id bigserial PRIMARY KEY, journalled boolean NOT NULL, smiles text,
		fp hfp GENERATED ALWAYS AS (hamnet_fingerprint_pinned(smiles, '$id')) STORED);
	INSERT INTO compound (journalled, smiles) SELECT false, smiles FROM nci WHERE id <= 2500;
	CREATE INDEX kept_hamnet ON compound USING hamnet (fp);
	CREATE INDEX kept_gist ON compound USING gist (fp gist_hfp_tanimoto_ops);
	-- filled by hamnet_enrich, over and over
	CREATE TABLE library AS SELECT id, smiles, NULL::hfp AS fp FROM nci WHERE id <= 3000;
	CREATE TABLE journal (id bigint);});

$primary->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($primary, 'base', has_streaming => 1);
$replica->start;

my $training = q{'SELECT smiles, y FROM assay', '{"head": "full", "base": "scratch", "dim": 24, "units": 16, "epochs": 8, "members": 2, "checkpoint": 0}'};
$primary->safe_psql('postgres', "CALL hamnet_train('reference', $training)");

sub model_id
{
	my ($model) = @_;

	return $primary->safe_psql('postgres', "SELECT id FROM hamnet_models() WHERE name = '$model'");
}

my $trained = model_id('reference');

# What the sessions do. psql prints a row that INSERT returns when the server
# has reported the commit, so what is printed is a journal of what must stay.
my $dir = $primary->basedir;
my %files = (
	insert => join('', map {"INSERT INTO compound (journalled, smiles) SELECT true, smiles FROM nci WHERE id % 997 = $_ RETURNING id;\n"} 0 .. 996) x 3,
	change => q{
		DELETE FROM compound WHERE NOT journalled AND id % 29 = (random() * 28)::int;
		BEGIN;
		INSERT INTO compound (journalled, smiles) SELECT false, smiles FROM nci ORDER BY random() LIMIT 60;
		UPDATE compound SET smiles = 'C' || smiles WHERE NOT journalled AND smiles LIKE 'CC%' AND id % 41 = (random() * 40)::int;
		COMMIT;
		VACUUM compound;
		BEGIN;
		INSERT INTO compound (journalled, smiles) SELECT false, smiles FROM nci ORDER BY random() LIMIT 30;
		ROLLBACK;
	} x 200,
	build => q{
		CREATE INDEX built_hamnet ON compound USING hamnet (fp hfp_tanimoto_ops);
		DROP INDEX built_hamnet;
		CREATE INDEX CONCURRENTLY built_gist ON compound USING gist (fp);
		DROP INDEX built_gist;
		CREATE INDEX CONCURRENTLY built_hamnet ON compound USING hamnet (fp hfp_cosine_ops);
		DROP INDEX built_hamnet;
		CREATE INDEX built_gist ON compound USING gist (fp gist_hfp_cosine_ops);
		DROP INDEX built_gist;
		REINDEX INDEX kept_hamnet;
		REINDEX INDEX kept_gist;
	} x 100,
	train => "CALL hamnet_train('durable', $training);\n",
	enrich => "UPDATE library SET fp = NULL WHERE id % 3 = 0;\nCALL hamnet_enrich('library', 'smiles', 'fp', '{\"model\": \"small\", \"workers\": 2, \"batch_rows\": 50}');\n" x 100);

append_to_file("$dir/$_.sql", $files{$_}) foreach keys %files;

# Start everything; returns the sessions by name.
sub start_work
{
	my %sessions;

	foreach my $what (sort keys %files)
	{
		$sessions{$what} = IPC::Run::start(
			[ 'psql', '--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set=ON_ERROR_STOP=1', "--file=$dir/$what.sql",
				"--output=$dir/$what.out", '--dbname', $primary->connstr('postgres') . " application_name=$what" ],
			'<', \undef, '>', "$dir/$what.log", '2>&1');
	}
	return \%sessions;
}

# kill -9 of the server, whose children then end by themselves; only when all are gone a new one starts.
sub kill_server
{
	$primary->kill9;
	foreach my $try (1 .. 200)
	{
		return if $primary->start(fail_ok => 1);
		usleep(100_000);
		$primary->stop('fast', fail_ok => 1);	# forgets the attempt
	}
	die 'the server does not start again';
}

# Every search by an index gives what a scan gives, in the distances and in how many rows there are.
sub answers
{
	my ($node, $settings) = @_;

	return $node->safe_psql(
		'postgres', join "\n", $settings, map {
			qq{SELECT '$_', string_agg(d, ' ') FROM query, LATERAL (SELECT coalesce((fp $_ q)::text, 'null') AS d FROM compound ORDER BY fp $_ q LIMIT 100) AS s;
			SELECT count(*), count(fp) FROM (SELECT fp FROM compound ORDER BY fp $_ (SELECT q FROM query LIMIT 1)) AS s;}
		} '<->', '<%>');
}

my $by_scan = 'SET enable_indexscan = off; SET enable_bitmapscan = off;';
my $by_index = 'SET enable_seqscan = off; SET enable_sort = off;';
my ($lost, $wrong, $inexact, $unfinished) = (0, 0, 0, 0);
my $acknowledged = 0;
my %killed;

# After a crash: nothing is lost, nothing is wrong, and what was interrupted goes on.
sub verify
{
	my @committed = slurp_file("$dir/insert.out") =~ /^(\d+)\n/mg;

	$acknowledged += @committed;
	$primary->safe_psql('postgres', 'INSERT INTO journal VALUES ' . join(', ', map {"($_)"} @committed)) if @committed;
	$lost += $primary->safe_psql('postgres', 'SELECT count(*) FROM journal AS j WHERE NOT EXISTS (SELECT FROM compound AS c WHERE c.id = j.id AND c.journalled)');
	$wrong += $primary->safe_psql('postgres', q{SELECT count(*) FROM compound AS c JOIN reference AS r USING (smiles) WHERE journalled AND (c.fp = r.fp) IS NOT TRUE});

	# What CREATE INDEX CONCURRENTLY has left behind is marked invalid, and can be rebuilt.
	foreach my $index (split /\n/, $primary->safe_psql('postgres', q{SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'compound'::regclass AND NOT indisvalid}))
	{
		$primary->safe_psql('postgres', "REINDEX INDEX $index");
		$killed{'index left invalid'}++;
	}
	my $scan = answers($primary, $by_scan);
	my $index = answers($primary, $by_index);
	$inexact++ if $scan ne $index || $scan !~ /\d/;
	foreach my $check (split /\n/, $primary->safe_psql('postgres', q{
		SELECT hamnet_index_check(indexrelid) = (SELECT count(*) FROM compound) FROM pg_index JOIN pg_class ON oid = indexrelid
		WHERE indrelid = 'compound'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'hamnet')}))
	{
		$inexact++ if $check ne 't';
	}
	$primary->safe_psql('postgres', 'DROP INDEX IF EXISTS built_hamnet, built_gist');

	# A fingerprint by itself and in a batch differ in the last bits.
	$wrong += $primary->safe_psql('postgres', 'SELECT count(*) FROM library AS l JOIN reference AS r USING (id) WHERE l.fp <-> r.fp > 1e-4 * (1 + hamnet_norm(r.fp))');
	$primary->safe_psql('postgres', q{CALL hamnet_enrich('library', 'smiles', 'fp', '{"model": "small"}')});
	$unfinished += $primary->safe_psql('postgres', 'SELECT count(*) FROM library WHERE fp IS NULL');

	$primary->safe_psql('postgres', "CALL hamnet_train('durable', $training)");
	$unfinished++ if model_id('durable') ne $trained;
	$primary->safe_psql('postgres', q{SELECT hamnet_drop_model('durable')});
	$unfinished += $primary->safe_psql('postgres', 'SELECT count(*) FROM _hamnet_checkpoint');
}

srand($seed);
foreach my $fault (1 .. $faults)
{
	my $sessions = start_work();
	my $victim = int(rand(3)) == 0 ? 'server' : 'process';
	my $choice = rand();

	$primary->poll_query_until('postgres', q{SELECT count(DISTINCT application_name) = 4 FROM pg_stat_activity WHERE application_name IN ('insert', 'change', 'build', 'enrich')})
	  or die 'the sessions did not start';
	usleep(100_000 + rand(1_900_000));
	if ($victim eq 'process')
	{
		my ($logged, $what);

		# Workers come and go: the one chosen may have ended meanwhile.
		until (defined $logged)
		{
			my @processes = split /\n/, $primary->safe_psql('postgres', q{
				SELECT pid || ' ' || CASE backend_type WHEN 'client backend' THEN application_name ELSE backend_type END FROM pg_stat_activity
				WHERE backend_type LIKE 'hamnet%' OR application_name IN ('insert', 'change', 'build', 'train', 'enrich') AND backend_type = 'client backend' ORDER BY 1});
			(my $pid, $what) = split / /, $processes[ $choice * @processes ], 2;
			$logged = kill_process($primary, $pid);
		}

		$_->finish foreach values %$sessions;
		wait_until_recovered($primary, $logged);
		$killed{$what}++;
	}
	else
	{
		kill_server();
		$_->finish foreach values %$sessions;
		$killed{server}++;
	}
	verify();
}
diag(join(', ', map {"$_ $killed{$_}"} sort keys %killed), "; $acknowledged commits acknowledged") if $full;

is($lost, 0, 'no committed row is lost');
cmp_ok($acknowledged, '>', 0, "some commits were acknowledged: $acknowledged");
is($wrong, 0, 'no fingerprint is wrong');
is($inexact, 0, 'indexes answer as scans do, and are sound');
is($unfinished, 0, 'enriching ends, and training in the same model');

# The replica has seen all of it.

$primary->wait_for_catchup($replica, 'replay', $primary->lsn('insert'));
my $state = q{
	SELECT sum(hashtextextended(c::text, 0)) FROM compound AS c;
	SELECT * FROM hamnet_models() ORDER BY name;
	SELECT * FROM hamnet_predictions('CC(=O)Oc1ccccc1C(=O)O', 'reference');
	SELECT encode(hfp_send(hamnet_fingerprint_pinned('CCO', id)), 'hex') FROM hamnet_models() ORDER BY name;};
my $answers = answers($primary, $by_scan);
my $held = $primary->safe_psql('postgres', $state);
is(answers($replica, $by_index), $answers, 'a replica answers the same by its indexes');
is($replica->safe_psql('postgres', $state), $held, 'a replica holds the same rows and models');
like(($replica->psql('postgres', "CALL hamnet_train('m', $training)"))[2], qr/cannot execute hamnet_train\(\) (?:in a read-only transaction|during recovery)/, 'a replica does not train');
like(($replica->psql('postgres', q{CALL hamnet_enrich('library', 'smiles', 'fp')}))[2], qr/cannot execute .* (?:in a read-only transaction|during recovery)/, 'a replica does not enrich');

# A dump written by two processes (restored by one, because the generated column needs the models before its table), and a binary copy into a database whose extension lies elsewhere

my $dump = "$dir/dump";
$primary->safe_psql('postgres', q{CREATE DATABASE restored});
$primary->command_ok([ 'pg_dump', '--format=directory', '--jobs=2', "--file=$dump", '--dbname', $primary->connstr('postgres') ], 'pg_dump');
$primary->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $primary->connstr('restored'), $dump ], 'pg_restore');
is($primary->safe_psql('restored', $state), $held, 'a restored dump holds the same rows and models');
is($primary->safe_psql('restored', q{SELECT hamnet_index_check('kept_hamnet') = count(*) FROM compound}), 't', 'the index of a restored dump is sound');

my $copy = "$dir/copy";
$primary->safe_psql(
	'postgres', qq{
	COPY (SELECT id, smiles, fp FROM compound) TO '$copy' (FORMAT binary);
	CREATE DATABASE elsewhere;});
$primary->safe_psql(
	'elsewhere', qq{
	CREATE SCHEMA chem;
	CREATE EXTENSION hamnet SCHEMA chem;
	SELECT chem.hamnet_load_model('small', '\\x$weights');
	CREATE TABLE copy (id bigint, smiles text, fp chem.hfp, computed chem.hfp GENERATED ALWAYS AS (chem.hamnet_fingerprint_pinned(smiles, '$id')) STORED);
	COPY copy (id, smiles, fp) FROM '$copy' (FORMAT binary);
	CREATE INDEX ON copy USING hamnet (fp);
	CREATE INDEX ON copy USING gist (computed);});
is($primary->safe_psql('elsewhere', 'SELECT count(*) FROM copy WHERE chem.hfp_send(fp) <> chem.hfp_send(computed)'), 0, 'a binary copy is the same bit by bit, and computed again');
is( $primary->safe_psql('elsewhere', q{SELECT sum(hashtextextended(encode(chem.hfp_send(fp), 'hex'), id)) FROM copy}),
	$primary->safe_psql('postgres', q{SELECT sum(hashtextextended(encode(hfp_send(fp), 'hex'), id)) FROM compound}),
	'a binary copy in another schema computes the same fingerprints');

# The extension moves to another schema, with everything that depends on it.
$primary->safe_psql('restored', 'CREATE SCHEMA chem; ALTER EXTENSION hamnet SET SCHEMA chem');
is($primary->safe_psql('restored', "SET search_path = public, chem; $state"), $held, 'an extension that moves takes its models along');
is($primary->safe_psql('restored', q{SET search_path = public; SET enable_seqscan = off;
	SELECT count(*) FROM (SELECT fp FROM compound ORDER BY fp OPERATOR(chem.<->) (SELECT q FROM query LIMIT 1)) AS s}),
	$primary->safe_psql('restored', 'SELECT count(*) FROM compound'), 'an extension that moves takes its indexes along');
$primary->safe_psql('restored', q{INSERT INTO compound (journalled, smiles) VALUES (false, 'CCO')});

# The replica takes over from a server that is killed.
$primary->stop('immediate');
$replica->promote;
$replica->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is(answers($replica, $by_index), $answers, 'promoted, a replica answers the same');
is($replica->safe_psql('postgres', $state), $held, 'promoted, a replica holds the same rows and models');
$replica->safe_psql('postgres', "CALL hamnet_train('promoted', $training); UPDATE library SET fp = NULL WHERE id < 100; CALL hamnet_enrich('library', 'smiles', 'fp')");
is($replica->safe_psql('postgres', q{SELECT id FROM hamnet_models() WHERE name = 'promoted'}), $trained, 'promoted, a replica trains the same model');

$replica->stop;
done_testing();
