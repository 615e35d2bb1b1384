# What is stored survives: a restart of the server, and a dump restored
# elsewhere, give the same fingerprints, bit for bit, and the same models.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $smiles = q{('CC(=O)Oc1ccccc1C(=O)O'), ('Cn1cnc2c1c(=O)n(C)c(=O)n2C'), ('C/C=C\C'), ('N[C@@H](C)C(=O)O'), ('[Na+].[Cl-]'), ('C')};

# Everything that must not change, as text: fingerprints in binary form, models and predictions.
sub state_of
{
	my ($database, $schema) = @_;

	return $node->safe_psql(
		$database, qq{
		SET search_path = public, $schema;
		SELECT smiles, encode(hfp_send(fp), 'hex') FROM by_default ORDER BY smiles COLLATE "C";
		SELECT smiles, encode(hfp_send(fp), 'hex') FROM by_small ORDER BY smiles COLLATE "C";
		SELECT name, id, built_in, dim, features, targets, bytes, created_at FROM hamnet_models() ORDER BY name COLLATE "C";
		SELECT * FROM hamnet_predictions('CC(=O)Oc1ccccc1C(=O)O', 'small') ORDER BY property COLLATE "C";
		SELECT hamnet_predict('CCO', 'solubility', 'small');});
}

# Tables and a model in a database whose extension lies in $schema.
sub create_database
{
	my ($database, $schema) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE SCHEMA $schema") if $schema ne 'public';
	$node->safe_psql($database, "CREATE EXTENSION hamnet SCHEMA $schema");
	my $id = $node->safe_psql($database, "SELECT $schema.hamnet_load_model('small', '\\x$weights')");
	like($id, qr/^[0-9a-f]{64}$/, "$database: a model's identity is a SHA-256");
	$node->safe_psql(
		$database, qq{
		SET search_path = public, $schema;
		CREATE TABLE by_default (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED);
		CREATE TABLE by_small (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint_pinned(smiles, '$id')) STORED);
		CREATE INDEX ON by_default (hamnet_fingerprint(smiles));
		INSERT INTO by_default VALUES $smiles;
		INSERT INTO by_small VALUES $smiles;});
}

# Dump with pg_dump's $options, restore by $restore into a new database, and compare.
sub dump_and_restore
{
	my ($database, $schema, $format, $restore) = @_;
	my $copy = "${database}_$format";
	my $file = $node->basedir . "/$copy.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $copy");
	$node->command_ok([ 'pg_dump', "--format=$format", "--file=$file", $database ], "$database: pg_dump in $format format");
	$node->command_ok([ @$restore, "--dbname=$copy", $format eq 'plain' ? "--file=$file" : $file ], "$database: restore from $format format");
	is(state_of($copy, $schema), state_of($database, $schema), "$database: the same after a restore from $format format");
	is($node->safe_psql($copy, "SELECT count(*) FROM public.by_small WHERE fp IS NOT NULL"), 6, "$database: no fingerprint lost");
}

create_database('source', 'public');
my $before = state_of('source', 'public');
my $count = () = $before =~ /^[^|]+\|[0-9a-f]+$/mg;
is($count, 12, 'every molecule has its fingerprints');

$node->restart;
is(state_of('source', 'public'), $before, 'the same after a restart');

$node->stop('immediate');
$node->start;
is(state_of('source', 'public'), $before, 'the same after a crash');

my @psql = ('psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1');
my @pg_restore = ('pg_restore', '--exit-on-error');

create_database('elsewhere', 'chem');
foreach my $database (['source', 'public'], ['elsewhere', 'chem'])
{
	dump_and_restore(@$database, 'plain', \@psql);
	dump_and_restore(@$database, 'custom', \@pg_restore);
}

# Columns of lenient functions restore whatever hamnet.max_atoms is where they are restored: what is beyond it has no fingerprint, and gets one with a higher limit.
$node->safe_psql('postgres', 'CREATE DATABASE lenient');
my $id = $node->safe_psql('lenient', "CREATE EXTENSION hamnet; SELECT hamnet_load_model('small', '\\x$weights')");
$node->safe_psql(
	'lenient', qq{
	CREATE TABLE lenient (id int, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED,
		several hfp[] GENERATED ALWAYS AS (hamnet_fingerprints(ARRAY['C', smiles])) STORED);
	CREATE INDEX ON lenient (hamnet_try_fingerprint(smiles));
	CREATE INDEX ON lenient USING hamnet (fp);
	CREATE INDEX ON lenient USING gist (fp);
	CREATE MATERIALIZED VIEW seen AS SELECT id, hamnet_try_fingerprint(smiles) AS fp FROM lenient;
	INSERT INTO lenient (id, smiles) VALUES (1, 'CCO'), (2, 'C1CC'), (3, repeat('C', 100)), (4, repeat('C.', 30) || 'O'), (5, 'c1' || repeat('*', 28) || '1'),
		(6, '*' || repeat('(F)', 65)), (7, 'CCO ethanol'), (8, 'C[C\@H](F)Cl |&1:1|'), (9, ''), (10, NULL), (11, 'CCN');
	REFRESH MATERIALIZED VIEW seen;});
my $filled = q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM lenient WHERE fp IS NOT NULL};
my $whole = q{SELECT md5(string_agg(l::text, E'\n' ORDER BY id)) FROM lenient AS l};
is($node->safe_psql('lenient', $filled), '1 3 4 11', 'molecules within the limit have fingerprints, whatever the others are');
my $held = $node->safe_psql('lenient', $whole);
my %filled = (5 => '1 11', 50 => '1 4 11', 1000 => '1 3 4 11');
foreach my $limit (sort keys %filled)
{
	my $copy = "lenient_$limit";
	my $file = $node->basedir . "/$copy.dump";

	$node->safe_psql('postgres', "CREATE DATABASE $copy; ALTER DATABASE $copy SET hamnet.max_atoms = $limit");
	$node->command_ok([ 'pg_dump', '--format=custom', "--file=$file", 'lenient' ], "hamnet.max_atoms = $limit: pg_dump");
	$node->command_ok([ @pg_restore, "--dbname=$copy", $file ], "hamnet.max_atoms = $limit: all is restored");
	is($node->safe_psql($copy, 'SELECT count(*), count(several) FROM lenient'), '11|11', "hamnet.max_atoms = $limit: no row is lost");
	is($node->safe_psql($copy, $filled), $filled{$limit}, "hamnet.max_atoms = $limit: what is beyond it has no fingerprint");
	is($node->safe_psql($copy, "SET hamnet.max_atoms = 1000; UPDATE lenient SET smiles = smiles; $whole"), $held, "hamnet.max_atoms = $limit: all fingerprints are there again with the limit of the source");
}

# Where the built-in model is the same, so are its fingerprints, whatever the schema.
my $default = q{SELECT smiles, encode(%s.hfp_send(fp), 'hex') FROM by_default ORDER BY smiles COLLATE "C"};
is( $node->safe_psql('elsewhere', sprintf($default, 'chem')),
	$node->safe_psql('source', sprintf($default, 'public')),
	'the extension\'s schema does not matter');

$node->stop;
done_testing();
