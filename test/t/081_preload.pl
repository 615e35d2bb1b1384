# Built-in models that the postmaster reads are shared by all backends, which
# compute the same with them as with those that they read themselves.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('preload');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');

my $results = q{SELECT hamnet_fingerprint('CC(=O)Oc1ccccc1C(=O)O'), hamnet_predict('CCO', 'solubility'), (hamnet_node()).results};

# The memory, in kB, that a backend which has predicted shares with no other process.
sub private_memory
{
	my ($call) = (@_, q{hamnet_predict('CCO', 'solubility')});
	my $rollup = $node->safe_psql('postgres', "SELECT $call IS NULL; SELECT pg_read_file('/proc/self/smaps_rollup')");
	my $sum = 0;

	$sum += $1 while $rollup =~ /^Private_\w+: +(\d+) kB$/mg;
	return $sum;
}

my $own = $node->safe_psql('postgres', $results);
my $has_rollup = -r '/proc/self/smaps_rollup';
my $own_memory = $has_rollup ? private_memory() : 0;
is($node->safe_psql('postgres', q{LOAD 'hamnet'; SHOW hamnet.preload_models}), '', 'no model is preloaded by default');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'hamnet'\n");
$node->restart;
is($node->safe_psql('postgres', $results), $own, 'a preloaded module computes the same');

$node->append_conf('postgresql.conf', "hamnet.preload_models = 'hamnet-base, hamnet-properties'\n");
$node->restart;
is($node->safe_psql('postgres', $results), $own, 'preloaded models compute the same');
is($node->safe_psql('postgres', q{SELECT context FROM pg_settings WHERE name = 'hamnet.preload_models'}), 'postmaster', 'they are chosen when the server starts');
SKIP:
{
	skip 'there is no /proc/self/smaps_rollup here', 2 unless $has_rollup;
	my $memory = private_memory();
	cmp_ok($own_memory, '>', 40_000, 'a backend that reads models has them for itself');
	cmp_ok($memory, '<', 10_000, 'one with preloaded models shares them');
}

# A model that a database stores is the one that was read from a file, as long as the database has it.
my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
$node->safe_psql('postgres', qq{SELECT hamnet_load_model('small', '\\x$weights'); SELECT hamnet_combine_models('large', '{hamnet-properties}')});
my $stored = q{SELECT hamnet_predict('CCO', 'solubility', 'large'), hamnet_predict('CCO', 'solubility', 'small')};
my $large = q{hamnet_predict('CCO', 'solubility', 'large')};
my $alone = $node->safe_psql('postgres', $stored);
my $alone_memory = $has_rollup ? private_memory($large) : 0;
my $data = $node->data_dir;
foreach my $name ('small', 'large')
{
	open my $file, '>:raw', "$data/$name.safetensors" or die $!;
	print $file pack('H*', $node->safe_psql('postgres', "SELECT encode(hamnet_export_model('$name'), 'hex')"));
	close $file or die $!;
}
append_to_file("$data/broken.safetensors", 'no model');
$node->append_conf('postgresql.conf', "hamnet.preload_models = 'hamnet-base, small.safetensors, $data/large.safetensors'\n");
$node->restart;
is($node->safe_psql('postgres', $stored), $alone, 'models that a database stores compute the same when they are preloaded from files');
is($node->safe_psql('postgres', "DO 'BEGIN PERFORM hamnet_combine_models(''other'', ''{small}''); END'; $stored"), $alone, 'also after the models have changed');
SKIP:
{
	skip 'there is no /proc/self/smaps_rollup here', 2 unless $has_rollup;
	cmp_ok($alone_memory, '>', 40_000, 'a backend that reads a stored model has it for itself');
	cmp_ok(private_memory($large), '<', 10_000, 'one that is preloaded from a file is shared');
}
$node->psql('template1', 'CREATE EXTENSION hamnet');
$node->psql('template1', $stored, stderr => \my $stderr);
like($stderr, qr/model "large" does not exist/, 'a database that does not store a model has none of it');
$node->append_conf('postgresql.conf', "hamnet.preload_models = 'hamnet-base, hamnet-properties'\n");

# A list that cannot be read keeps the server from starting, and says why.
foreach my $case ([ 'hamnet-bass', qr/hamnet\.preload_models names "hamnet-bass", which is no built-in model/ ],
	[ 'missing.safetensors', qr/could not open model file "missing\.safetensors": No such file/ ],
	[ 'broken.safetensors', qr/hamnet\.preload_models, element "broken\.safetensors"/ ],
	[ 'hamnet-base,,', qr/invalid list of names in hamnet\.preload_models: "hamnet-base,,"/ ])
{
	$node->stop;
	my $logged = -s $node->logfile;
	$node->append_conf('postgresql.conf', "hamnet.preload_models = '$case->[0]'\n");
	ok(!$node->start(fail_ok => 1), "a server with hamnet.preload_models = '$case->[0]' does not start");
	like(substr(slurp_file($node->logfile), $logged), $case->[1], 'and says why');
	$node->append_conf('postgresql.conf', "hamnet.preload_models = ''\n");
	$node->start;
}

$node->stop;
done_testing();
