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

# Where the built-in model is the same, so are its fingerprints, whatever the schema.
my $default = q{SELECT smiles, encode(%s.hfp_send(fp), 'hex') FROM by_default ORDER BY smiles COLLATE "C"};
is( $node->safe_psql('elsewhere', sprintf($default, 'chem')),
	$node->safe_psql('source', sprintf($default, 'public')),
	'the extension\'s schema does not matter');

$node->stop;
done_testing();
