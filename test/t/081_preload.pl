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
	my $rollup = $node->safe_psql('postgres', q{SELECT hamnet_predict('CCO', 'solubility') IS NULL; SELECT pg_read_file('/proc/self/smaps_rollup')});
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

# A list that cannot be read keeps the server from starting, and says why.
foreach my $case ([ 'hamnet-bass', qr/hamnet\.preload_models names "hamnet-bass", which is no built-in model/ ],
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
