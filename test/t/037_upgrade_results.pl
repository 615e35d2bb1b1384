# An update that changes what functions return: until it is done the library refuses to compute, and afterwards everything
# that keeps results of these functions is named, with a command that mends it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade_results');
$node->init;
$node->start;

sub query
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, $sql);
}

my $version = query('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'hamnet'");

###########################################################################
# The new library before ALTER EXTENSION … UPDATE

query('postgres', 'CREATE DATABASE between');
query('between', "CREATE EXTENSION hamnet VERSION '0.2.0'");
query('between', q{CREATE TABLE lib (id int, smiles text, fp hfp)});

# What computes from molecules, whether it fails on them, gives NULL or works on many rows.
my @refused = (
	q{SELECT hamnet_fingerprint('CCO')}, q{SELECT hamnet_try_fingerprint('CCO')}, q{SELECT hamnet_try_fingerprint('no molecule')},
	q{SELECT hamnet_fingerprint('CCO', 'hamnet-untrained')}, q{SELECT hamnet_fingerprint_pinned('CCO', (SELECT id FROM hamnet_models() WHERE name = 'hamnet-base'))},
	q{SELECT hamnet_fingerprints('{CCO,CCN}')}, q{SELECT hamnet_predict('CCO', 'solubility')}, q{SELECT * FROM hamnet_predictions('CCO')},
	q{SELECT * FROM hamnet_descriptors('CCO')}, q{SELECT * FROM hamnet_atom_weights('CCO')}, q{SELECT hamnet_embed('CCO')},
	q{SELECT * FROM hamnet_fingerprint_query('SELECT ''CCO'' AS smiles') AS q (smiles text, fp hfp)},
	q{INSERT INTO lib (smiles) VALUES ('CCO'); CALL hamnet_enrich('lib', 'smiles', 'fp', '{"workers": 1}')},
	q{INSERT INTO lib (smiles) VALUES ('CCO'); CREATE INDEX ON lib (hamnet_try_fingerprint(smiles))},
	q{CALL hamnet_train('m', 'SELECT repeat(''C'', n) AS smiles, n::float8 AS y FROM generate_series(1, 12) AS n', '{"head": "kernel", "validation": "none"}')});

my ($status, $stdout, $stderr);
foreach my $sql (@refused)
{
	($status, $stdout, $stderr) = $node->psql('between', $sql);

	like($stderr, qr/ERROR:  extension "hamnet" is of version 0\.2\.0, for which this library of version \Q$version\E does not compute\n.*HINT:.*ALTER EXTENSION hamnet UPDATE/s,
		'refused before the update: ' . substr($sql, 0, 70));
}
is(query('between', q{SELECT hamnet_norm('{3,4}'::real[]::hfp)}), 5, 'fingerprints that are stored can be read and compared before the update');

# What is known of the version holds for a session, until the extension changes.
is(query('between', q{
		BEGIN;
		ALTER EXTENSION hamnet UPDATE;
		SELECT hamnet_norm(hamnet_fingerprint('CCO')) > 0;
		ROLLBACK;}), 't', 'computed in the transaction that updates');
like(($node->psql('between', q{BEGIN; ALTER EXTENSION hamnet UPDATE; SELECT hamnet_fingerprint('CCO'); ROLLBACK; SELECT hamnet_fingerprint('CCO')}))[2],
	qr/is of version 0\.2\.0/, 'refused after an update that was rolled back, in the same session');
($stdout, $stderr) = ('', '');
$node->psql('between', q{
		SELECT hamnet_fingerprint('CCO');
		\! psql -X -q -d between -c 'ALTER EXTENSION hamnet UPDATE'
		SELECT hamnet_norm(hamnet_fingerprint('CCO')) > 0;}, stdout => \$stdout, stderr => \$stderr, on_error_stop => 0);
like($stderr, qr/is of version 0\.2\.0/, 'refused in a session');
is($stdout, 't', 'computed in that session when another has updated');

# A library that is older than the extension, as in a session that began before the installation
query('between', q{UPDATE pg_extension SET extversion = '9.9' WHERE extname = 'hamnet'});
like(($node->psql('between', q{SELECT hamnet_fingerprint('CCO')}))[2], qr/is of version 9\.9.*HINT:.*reconnect/s, 'an older library refuses to compute for a newer extension');

###########################################################################
# What keeps results

# Make objects as an earlier version did, whose default model was another: the functions of the default model are replaced
# while they are made. The library computes, as that of the earlier version would.
sub as_earlier
{
	my ($database, $sql) = @_;

	query($database, qq{
		BEGIN;
		CREATE TABLE kept AS SELECT oid, prolang, prosrc, probin FROM pg_proc
			WHERE oid IN ('hamnet_fingerprint(text)'::regprocedure, 'hamnet_try_fingerprint(text)'::regprocedure);
		UPDATE pg_extension SET extversion = '$version' WHERE extname = 'hamnet';
		CREATE OR REPLACE FUNCTION hamnet_fingerprint(smiles text) RETURNS hfp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 20000
			AS \$\$SELECT public.hamnet_fingerprint(smiles, 'hamnet-untrained')\$\$;
		CREATE OR REPLACE FUNCTION hamnet_try_fingerprint(smiles text) RETURNS hfp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 20000
			AS \$\$SELECT public.hamnet_try_fingerprint(smiles, 'hamnet-untrained')\$\$;
		$sql;
		UPDATE pg_proc p SET prolang = k.prolang, prosrc = k.prosrc, probin = k.probin FROM kept k WHERE p.oid = k.oid;
		DROP TABLE kept;
		UPDATE pg_extension SET extversion = '0.2.0' WHERE extname = 'hamnet';
		COMMIT;});
}

query('postgres', 'CREATE DATABASE used');
query('used', "CREATE EXTENSION hamnet VERSION '0.2.0'");
as_earlier('used', <<'SQL');
	CREATE TABLE lib (id int PRIMARY KEY, smiles text, plain hfp);
	INSERT INTO lib (id, smiles) SELECT n, repeat('C', n) || 'O' FROM generate_series(1, 60) AS n;
	UPDATE lib SET plain = hamnet_fingerprint(smiles);

	CREATE INDEX lib_expr ON lib (hamnet_try_fingerprint(smiles));
	CREATE UNIQUE INDEX lib_uniq ON lib (hamnet_fingerprint(smiles)) WHERE id < 50;
	CREATE INDEX lib_hash ON lib USING hash (hamnet_fingerprint(smiles));
	CREATE INDEX lib_gist ON lib USING gist (hamnet_try_fingerprint(smiles));
	CREATE INDEX lib_hamnet ON lib USING hamnet (hamnet_try_fingerprint(smiles));
	CREATE INDEX lib_partial ON lib (id) WHERE hamnet_norm(hamnet_try_fingerprint(smiles)) < 20;
	CREATE INDEX lib_array ON lib ((hamnet_fingerprints(ARRAY[smiles])));
	CREATE INDEX lib_pinned ON lib (hamnet_fingerprint_pinned(smiles, 'a')) WHERE id < 0;

	CREATE SCHEMA "Odd ""schema""";
	CREATE TABLE "Odd ""schema"""."ta'ble" (id int, "smi;les" text, "f p" hfp GENERATED ALWAYS AS (hamnet_try_fingerprint("smi;les")) STORED,
		CONSTRAINT "che ck" CHECK (hamnet_norm(hamnet_fingerprint("smi;les")) < 1000));
	INSERT INTO "Odd ""schema"""."ta'ble" SELECT id, smiles FROM lib WHERE id < 9;
	CREATE INDEX "ind %ex" ON "Odd ""schema"""."ta'ble" (hamnet_fingerprint("smi;les"), id);

	-- through functions of users, through functions of these, an operator and views
	CREATE FUNCTION by_text(molecule text) RETURNS hfp LANGUAGE sql IMMUTABLE AS 'SELECT Public."hamnet_fingerprint" (molecule)';
	CREATE FUNCTION by_language(molecule text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.hamnet_norm(public.by_text(molecule)); END';
	CREATE FUNCTION by_body(molecule text) RETURNS hfp LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT hamnet_fingerprint(molecule); END;
	CREATE FUNCTION distance_of(a text, b text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT public.hamnet_l2_distance(public.hamnet_fingerprint(a), public.hamnet_fingerprint(b))';
	CREATE OPERATOR <~~> (LEFTARG = text, RIGHTARG = text, FUNCTION = distance_of);
	CREATE FUNCTION untouched(molecule text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length(molecule) -- no_hamnet_fingerprint(x)';
	CREATE INDEX lib_by_text ON lib (by_text(smiles));
	CREATE INDEX lib_by_language ON lib (by_language(smiles));
	CREATE INDEX lib_by_body ON lib (by_body(smiles));
	CREATE INDEX lib_by_operator ON lib ((smiles <~~> 'CCO'));

	-- predictions, which no index may hold but by a function of a user
	CREATE FUNCTION solubility(molecule text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT public.hamnet_predict(molecule, ''solubility'')';
	CREATE FUNCTION by_model(molecule text) RETURNS float8 LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT hamnet_predict(molecule, 'solubility', 'hamnet-properties'); END;
	CREATE FUNCTION soluble(molecule text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.solubility(molecule) > -1; END';
	CREATE FUNCTION weight(molecule text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT value FROM public.hamnet_descriptors(molecule) WHERE name = ''MolWt''';
	CREATE INDEX lib_predicted ON lib (solubility(smiles));
	CREATE INDEX lib_by_model ON lib (id, by_model(smiles));
	CREATE INDEX lib_soluble ON lib (id) WHERE soluble(smiles);
	CREATE INDEX lib_weight ON lib (weight(smiles) DESC) INCLUDE (id);
	CREATE TABLE predicted (smiles text, logs float8 GENERATED ALWAYS AS (solubility(smiles)) STORED, CONSTRAINT dissolves CHECK (soluble(smiles)));
	CREATE MATERIALIZED VIEW predictions AS SELECT id, property, value FROM lib, hamnet_predictions(smiles) WHERE id < 3;
	CREATE MATERIALIZED VIEW queried AS SELECT id, fp FROM hamnet_fingerprint_query('SELECT id, smiles FROM public.lib WHERE id < 3') AS q (id int, smiles text, fp hfp);

	CREATE VIEW fingerprinted AS SELECT id, hamnet_fingerprint(smiles) AS fp FROM lib;
	CREATE VIEW far AS SELECT id FROM fingerprinted WHERE hamnet_norm(fp) > 10;
	CREATE MATERIALIZED VIEW direct AS SELECT * FROM fingerprinted;
	CREATE MATERIALIZED VIEW indirect AS SELECT count(*) FROM far;

	-- exclusion, domains, children and partitions
	CREATE TABLE excluded (smiles text, EXCLUDE USING hash (hamnet_fingerprint(smiles) WITH =));
	INSERT INTO excluded SELECT smiles FROM lib WHERE id < 9;
	CREATE DOMAIN small_molecule AS text CONSTRAINT small CHECK (hamnet_norm(hamnet_try_fingerprint(VALUE)) < 1000);
	CREATE TABLE parent (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED, CONSTRAINT positive CHECK (hamnet_norm(hamnet_fingerprint(smiles)) > 0));
	CREATE TABLE child () INHERITS (parent);
	INSERT INTO child VALUES ('CCO'), ('CCN');
	CREATE TABLE parted (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED) PARTITION BY HASH (hamnet_fingerprint(smiles));
	CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE INDEX parted_expr ON parted (hamnet_try_fingerprint(smiles));
	INSERT INTO parted SELECT smiles FROM lib;
	CREATE TABLE constant (id int, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint('CCO')) STORED);
	INSERT INTO constant VALUES (1);

	-- nothing of these keeps a result
	CREATE INDEX lib_of_plain ON lib USING gist (plain);
	CREATE INDEX lib_of_length ON lib (length(smiles));
	CREATE INDEX lib_untouched ON lib (untouched(smiles));
	CREATE TABLE defaults (smiles text, fp hfp DEFAULT hamnet_fingerprint('CCO'), norm float8 GENERATED ALWAYS AS (hamnet_norm(fp)) STORED, CHECK (hamnet_norm(fp) > 0));
	ALTER TABLE defaults ADD CONSTRAINT unchecked CHECK (hamnet_norm(hamnet_fingerprint(smiles)) > 0) NOT VALID
SQL

($status, $stdout, $stderr) = $node->psql('used', 'ALTER EXTENSION hamnet UPDATE');
is($status, 0, 'the extension is updated');

my $odd = q{"Odd ""schema"""."ta'ble"};
my $odd_index = q{"Odd ""schema"""."ind %ex"};
my %expected = (
	(map { ("index public.$_" => "REINDEX INDEX public.$_;") } qw(lib_expr lib_hash lib_gist lib_hamnet lib_partial lib_array lib_pinned
			lib_by_text lib_by_language lib_by_body lib_by_operator lib_predicted lib_by_model lib_soluble lib_weight parted_0_hamnet_try_fingerprint_idx parted_1_hamnet_try_fingerprint_idx)),
	'unique index public.lib_uniq' => 'REINDEX INDEX public.lib_uniq;',
	"index $odd_index" => "REINDEX INDEX $odd_index;",
	"generated column $odd.\"f p\"" => "UPDATE $odd SET \"smi;les\" = \"smi;les\";",
	"check constraint \"che ck\" of $odd" => qq{ALTER TABLE $odd DROP CONSTRAINT "che ck", ADD CONSTRAINT "che ck" CHECK ((hamnet_norm(hamnet_fingerprint("smi;les")) < (1000)::double precision));},
	(map { ("materialized view public.$_" => "REFRESH MATERIALIZED VIEW public.$_;") } qw(predictions queried)),
	'generated column public.predicted.logs' => 'UPDATE public.predicted SET smiles = smiles;',
	'check constraint dissolves of public.predicted' => 'ALTER TABLE public.predicted DROP CONSTRAINT dissolves, ADD CONSTRAINT dissolves CHECK (public.soluble(smiles));',
	'materialized view public.direct' => 'REFRESH MATERIALIZED VIEW public.direct;',
	'materialized view public.indirect' => 'REFRESH MATERIALIZED VIEW public.indirect;',
	'exclusion constraint public.excluded_hamnet_fingerprint_excl' => 'REINDEX INDEX public.excluded_hamnet_fingerprint_excl;',
	'domain constraint small of public.small_molecule' =>
		'ALTER DOMAIN public.small_molecule DROP CONSTRAINT small; ALTER DOMAIN public.small_molecule ADD CONSTRAINT small CHECK ((hamnet_norm(hamnet_try_fingerprint(VALUE)) < (1000)::double precision));',
	'generated column public.parent.fp' => 'UPDATE public.parent SET smiles = smiles;',
	'check constraint positive of public.parent' =>
		'ALTER TABLE public.parent DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK ((hamnet_norm(hamnet_fingerprint(smiles)) > (0)::double precision));',
	'generated column public.parted.fp' => 'UPDATE public.parted SET smiles = smiles;',
	'partition key public.parted' => 'UPDATE public.parted SET smiles = smiles;',
	'generated column public.constant.fp' =>
		q{ALTER TABLE public.constant DROP COLUMN fp, ADD COLUMN fp hfp GENERATED ALWAYS AS (hamnet_fingerprint('CCO'::text)) STORED;},
);

# One line for each object, sorted, without the schema of the extension, which pg_get_expr writes or not.
sub lines
{
	return join("\n", sort map { s/public\.(?=hamnet_|hfp)//gr } @_);
}

my @report = split(/\n/, query('used', q{SELECT kind || ' ' || object || ': ' || command FROM hamnet_upgrade_report()}));
is(lines(@report), lines(map { "$_: $expected{$_}" } keys %expected), 'the report names everything that keeps results, in all schemas, and nothing else');

my @warned = map { s/^psql:<stdin>:\d+: //mgr } $stderr =~ /WARNING:  (.* holds results of an earlier version of hamnet\n.*HINT:  .*)$/mg;
is(lines(map { s/ holds results of an earlier version of hamnet\nHINT:  /: /r } @warned), lines(map { "$_: $expected{$_}" } keys %expected),
	'the update warns of the same objects and hints at the same commands');

# They are out of date as they are, and right after the commands.
my %questions = (
	'an index of an expression finds its row' => q{SET enable_seqscan = off;
		SELECT id FROM lib WHERE hamnet_try_fingerprint(smiles) = hamnet_try_fingerprint('CCCCCCCCCCO')},
	'a hash index of an expression finds its row' => q{SET enable_seqscan = off; SET enable_indexonlyscan = off;
		SELECT smiles = 'CCCO' FROM excluded WHERE hamnet_fingerprint(smiles) = hamnet_fingerprint('CCCO')},
	'rows lie in the partition of their key' => q{SELECT count(*) FROM parted WHERE hamnet_fingerprint(smiles) = hamnet_fingerprint('CCCCO')},
	'generated columns are those of the default model' => q{SELECT bool_and(fp = hamnet_fingerprint(smiles)) FROM (SELECT smiles, fp FROM parent UNION ALL SELECT smiles, fp FROM parted) AS t},
	'materialized views are those of the default model' => q{SELECT bool_and(fp = hamnet_fingerprint(smiles)) FROM direct JOIN lib USING (id)},
	'a constant generated column is that of the default model' => q{SELECT fp = hamnet_fingerprint('CCO') FROM constant});
my %right = map { $_ => 't' } keys %questions;
$right{'an index of an expression finds its row'} = 10;
$right{'rows lie in the partition of their key'} = 1;

isnt(query('used', $questions{$_}), $right{$_}, "before the commands, not: $_") foreach sort grep { !/partition/ } keys %questions;
query('used', q{SELECT command FROM hamnet_upgrade_report() \gexec});
is(query('used', $questions{$_}), $right{$_}, $_) foreach sort keys %questions;
like(($node->psql('used', q{INSERT INTO lib SELECT -id, smiles FROM lib WHERE id < 5}))[2], qr/duplicate key value violates unique constraint "lib_uniq"/,
	'a unique index lets no duplicate in');
is(lines(split(/\n/, query('used', q{SELECT kind || ' ' || object || ': ' || command FROM hamnet_upgrade_report()}))), lines(@report), 'the objects are the same after the commands');

# Anyone may ask; where nothing depends on the extension there is nothing to do.
query('used', 'CREATE ROLE reader LOGIN');
is(query('used', q{SET ROLE reader; SELECT count(*) FROM hamnet_upgrade_report()}), scalar(@report), 'a role without rights gets the same report');
query('postgres', 'CREATE DATABASE fresh');
query('fresh', 'CREATE EXTENSION hamnet');
is(query('fresh', 'SELECT count(*) FROM hamnet_upgrade_report()'), 0, 'nothing to report where nothing depends on the extension');

$node->stop;
done_testing();
