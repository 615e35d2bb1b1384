# A server that has no more memory, or a short stack, answers with errors. The
# limits are those of the kernel, set on single processes while they live; where
# there is no prlimit, there is nothing to test.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';

plan skip_all => 'needs prlimit and /proc' if !-r '/proc/self/status' || system('prlimit --version >/dev/null 2>&1') != 0;

my $node = PostgreSQL::Test::Cluster->new('limits');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\nfsync = off\nmax_worker_processes = 8\nshared_buffers = 16MB\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet; ALTER DATABASE postgres SET client_min_messages = error');

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';
$node->safe_psql(
	'postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE nci (smiles text, id int);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	DELETE FROM nci WHERE id > 1500 OR hamnet_smiles_error(smiles) IS NOT NULL;
	ALTER TABLE nci ADD fp hfp;
	CREATE TABLE vector AS SELECT ('[' || string_agg((sin(i * j) + j % 5)::text, ',') || ']')::hfp AS fp FROM generate_series(1, 1500) AS i, generate_series(1, 128) AS j GROUP BY i;
	CREATE TABLE shape AS SELECT hamnet_embed('CC(C)C' || repeat('N', i % 3) || 'C', i) AS molblock FROM generate_series(1, 30) AS i;});

# Run statements in a session whose address space may grow by so many kilobytes from where it is;
# returns the SQLSTATE of the last and whether the session is still good for anything.
sub confined
{
	my ($kilobytes, $before, $statement) = @_;
	my ($status, $out, $err) = $node->psql(
		'postgres', qq{
		$before
		SELECT pg_backend_pid() AS pid \\gset
		\\setenv BACKEND :pid
		\\! prlimit --pid "\$BACKEND" --as=\$(( (\$(sed -n 's/^VmSize:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/\$BACKEND/status) + $kilobytes) * 1024 )):
		$statement;
		\\echo state :SQLSTATE
		\\! prlimit --pid "\$BACKEND" --as=unlimited:
		SELECT 'alive', hamnet_norm(hamnet_fingerprint('CCO')) > 0, hamnet_norm(hamnet_fingerprint('CCO', 'small')) > 0;},
		on_error_stop => 0);
	my ($state) = $out =~ /^state (\w+)$/m;

	return ($state // 'none', $out =~ /^alive\|t\|t$/m ? 1 : 0, $err);
}

my $warm = q{SELECT hamnet_norm(hamnet_fingerprint('CC(=O)Oc1ccccc1C(=O)O')) > 0 AS loaded \gset};
my %calls = (
	'the first call' => [ '', q{SELECT hamnet_fingerprint('CCO')} ],
	'a fingerprint' => [ $warm, q{SELECT hamnet_fingerprint(repeat('NCC(=O)', 60))} ],
	'a user\'s model' => [ $warm, q{SELECT hamnet_fingerprint('CCO', 'small')} ],
	'another built-in model' => [ $warm, q{SELECT hamnet_engine_positions('CCO', 'hamnet-engine')} ],
	'canonical SMILES' => [ $warm, q{SELECT hamnet_canonical_smiles(repeat('C1CC1', 300))} ],
	'descriptors' => [ $warm, q{SELECT count(*) FROM hamnet_descriptors(repeat('NCC(=O)', 60))} ],
	'a conformation' => [ $warm, q{SELECT hamnet_embed('CC(C)Cc1ccc(cc1)C(C)C(=O)O')} ],
	'a batch' => [ $warm, q{SELECT cardinality(hamnet_fingerprints(array_agg(smiles))) FROM nci WHERE id < 200} ],
	'loading a model' => [ $warm, qq{SELECT hamnet_load_model('again', weights, true) FROM _hamnet_model WHERE name = 'small'} ],
	'a kernel head' => [ $warm, q{CALL hamnet_train('m', 'SELECT smiles, id AS y FROM nci WHERE id < 60', '{"head": "kernel", "workers": 1}')} ],
	'a network' => [ $warm, q{CALL hamnet_train('m', 'SELECT smiles, id AS y FROM nci WHERE id < 200', '{"head": "full", "epochs": 1, "workers": 1}')} ],
	'an engine' => [ $warm, q{CALL hamnet_train_engine('m', 'SELECT molblock FROM shape', '{"epochs": 1, "workers": 1}')} ],
	'evaluation' => [ $warm, q{SELECT count(*) FROM hamnet_evaluate('small', 'SELECT smiles, id AS solubility FROM nci WHERE id < 100')} ],
	'enriching' => [ $warm, q{CALL hamnet_enrich('nci', 'smiles', 'fp', '{"workers": 0, "model": "small"}')} ],
	'axes' => [ $warm, q{SELECT hamnet_fit_axes('SELECT fp FROM vector')} ],
	'a hamnet index' => [ $warm, 'CREATE INDEX ON vector USING hamnet (fp)' ],
	'a GiST index' => [ $warm, 'CREATE INDEX ON vector USING gist (fp)' ]);
my @growth = $full ? (0, 100, 300, 1000, 2000, 4000, 8000, 12000, 16000, 24000, 32000, 48000, 64000, 96000, 128000, 256000) : (0, 1000, 16000);
my ($refused, $answered) = (0, 0);

foreach my $what (sort keys %calls)
{
	foreach my $kilobytes (@growth)
	{
		my ($state, $alive, $error) = confined($kilobytes, @{ $calls{$what} });

		# A library that cannot be mapped is an error of its own; so is the thread that the loader cannot give its storage.
		like($state, $what eq 'the first call' ? qr/^(?:00000|53200|58P01)$/ : qr/^(?:00000|53200)$/, "$what with $kilobytes kB more") or diag($error);
		ok($alive, "$what with $kilobytes kB more: the session goes on") or diag($error);
		$state eq '00000' ? $answered++ : $refused++;
	}
}
cmp_ok($refused, '>', 0, 'the limits were felt');
diag("out of memory: $refused refused, $answered answered") if $full;

# The same for the whole server, with workers

my $postmaster = (slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/)[0];
foreach my $megabytes ($full ? (20, 40, 60, 80, 120, 160, 200, 300, 400) : (60, 200))
{
	my $size = (slurp_file("/proc/$postmaster/status") =~ /^VmSize:\s+(\d+)/m)[0] * 1024 + $megabytes * 1048576;

	system_or_bail('prlimit', "--pid=$postmaster", "--as=$size:");
	foreach my $call (q{hamnet_train('m', 'SELECT smiles, id AS y FROM nci WHERE id < 300', '{"head": "full", "epochs": 1, "workers": 3}')},
		q{hamnet_enrich('nci', 'smiles', 'fp', '{"workers": 2}')})
	{
		my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nCALL $call;\n\\echo state :SQLSTATE", on_error_stop => 0);
		my ($state) = $out =~ /^state (\w+)$/m;

		like($state // 'none', qr/^(?:00000|53\d\d\d|55000|58P01)$/, substr($call, 0, 13) . " in a server with $megabytes MB more") or diag($err);
	}
	system_or_bail('prlimit', "--pid=$postmaster", '--as=unlimited:');
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'hamnet%'}), 'no worker is left');
	$node->safe_psql('postgres', 'UPDATE nci SET fp = NULL');
}

# hamnet.training_memory bounds what a training set takes.
like(($node->psql('postgres', q{SET hamnet.training_memory = '1MB'; CALL hamnet_train('m', 'SELECT smiles, id AS y FROM nci')}))[2], qr/ERROR:  .*hamnet.training_memory/s, 'hamnet.training_memory is a limit');

# A short stack: a deep molecule is computed as any other, or there is an error.
foreach my $smiles (q{repeat('C(', 998) || 'C' || repeat(')', 998)}, q{repeat('c1ccccc1', 166)}, q{repeat('[C@H](F)', 498) || 'C'})
{
	my ($status, $out, $err) = $node->psql(
		'postgres', qq{
		SELECT $smiles AS smiles, hamnet_fingerprint('C') IS NULL AS missing \\gset
		SELECT pg_backend_pid() AS pid \\gset
		\\setenv BACKEND :pid
		\\! prlimit --pid "\$BACKEND" --stack=655360:
		SELECT 'fingerprint', hamnet_norm(hamnet_fingerprint(:'smiles', 'small')) > 0;
		SELECT 'descriptors', count(*) > 100 FROM hamnet_descriptors(:'smiles');
		SELECT length(hamnet_canonical_smiles(:'smiles')) > 0;
		\\echo canonical :SQLSTATE}, on_error_stop => 0);

	like($out, qr/^fingerprint\|t\ndescriptors\|t\n(?:t\ncanonical 00000|canonical 54000)$/, "a stack of 640 kB, $smiles") or diag($err);
}
is( $node->safe_psql(
		'postgres', q{
		SET max_stack_depth = '100kB';
		CREATE FUNCTION descend(depth int) RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
			RETURN descend(depth + 1);
		EXCEPTION WHEN statement_too_complex THEN
			RETURN depth > 1 AND hamnet_norm(hamnet_fingerprint(repeat('C(', 200) || 'C' || repeat(')', 200))) > 0
				AND hamnet_norm(('[' || repeat('1,', 10000) || '1]')::hfp) > 0;
		END $$;
		SELECT descend(1)}), 'true', 'functions work at the end of max_stack_depth');
like(($node->psql('postgres', q{SET max_stack_depth = '100kB'; CALL hamnet_train('m', 'SELECT smiles, id AS y FROM nci', (repeat('[', 100000) || repeat(']', 100000))::jsonb)}))[2],
	qr/ERROR:  stack depth limit exceeded/, 'deep JSON ends in an error');
is( $node->safe_psql(
		'postgres', q{
		SET max_stack_depth = '100kB';
		DO $$
		BEGIN
			PERFORM hamnet_load_model('deep', decode('a086010000000000', 'hex') || convert_to(repeat('[', 100000), 'UTF8'));
		EXCEPTION WHEN invalid_binary_representation THEN
			CREATE TABLE refused ();
		END $$;
		SELECT count(*) FROM pg_class WHERE relname = 'refused'}), 1, 'a model file with deep JSON is refused');

unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process was lost');
$node->stop;
done_testing();
