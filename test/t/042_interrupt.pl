# Everything that takes long ends when it is told to: a statement timeout stops
# it, and the session goes on as if nothing had happened. How soon is told, not
# tested: it depends on the machine. (Compiling a
# query, which PostgreSQL does not interrupt, is switched off.)

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Milliseconds after which a call is stopped
my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my @delays = $full ? map { 150 * $_ } 1 .. 6 : (60, 400);

my $node = PostgreSQL::Test::Cluster->new('interrupt');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\nfsync = off\nmax_worker_processes = 8\nmax_wal_size = 4GB\njit = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');

my $weights = unpack('H*', slurp_file('test/golden/small.safetensors'));
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';
$node->safe_psql(
	'postgres', qq{
	SELECT hamnet_load_model('small', '\\x$weights');
	CREATE TABLE nci (smiles text, id int);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	DELETE FROM nci WHERE hamnet_smiles_error(smiles) IS NOT NULL;
	INSERT INTO nci SELECT smiles, id + 10000 * i FROM nci, generate_series(1, 7) AS i;
	ALTER TABLE nci ADD fp hfp, ADD y float8, ADD active boolean, ADD solubility float8;
	UPDATE nci SET y = length(smiles) + id % 7, active = id % 3 = 0, solubility = id % 5;
	CREATE TABLE latent AS SELECT i, random() AS a, random() AS b FROM generate_series(1, 40000) AS i;
	CREATE TABLE vector AS SELECT i, ('[' || (SELECT string_agg(round((sin(a * j) + b * (j % 5))::numeric, 4)::text, ',') FROM generate_series(1, 128) AS j) || ']')::hfp AS fp FROM latent;
	CREATE TABLE by_hamnet AS TABLE vector;
	CREATE INDEX searched_hamnet ON by_hamnet USING hamnet (fp);
	CREATE TABLE by_gist AS TABLE vector;
	CREATE INDEX searched_gist ON by_gist USING gist (fp);
	CREATE TABLE shape AS SELECT smiles, (SELECT array_agg(v ORDER BY i, k) FROM generate_series(1, n) AS i,
			LATERAL (VALUES (1, i * 1.3), (2, i % 2 * 0.75), (3, 0.0)) AS c (k, v))::float8[] AS xyz
		FROM (SELECT smiles, (SELECT count(*)::int FROM hamnet_engine_positions(smiles, 'small')) AS n FROM nci WHERE id BETWEEN 1 AND 800) AS s;
	ANALYZE;
	CALL hamnet_train('kernel', 'SELECT smiles, y FROM nci WHERE id BETWEEN 1 AND 300', '{"head": "kernel", "validation": "none"}');});

my $learn = q{'SELECT smiles, y FROM nci WHERE id BETWEEN 1 AND 4000'};
my %calls = (
	'single fingerprints' => 'SELECT count(hamnet_fingerprint(smiles)) FROM nci',
	'a batch of fingerprints' => 'SELECT cardinality(hamnet_fingerprints(array_agg(smiles))) FROM nci',
	'fingerprints of large molecules' => q{SELECT count(hamnet_fingerprint(repeat('NCC(=O)', 20 + i % 20))) FROM generate_series(1, 10000) AS i},
	'hamnet_fingerprint_query' => q{SELECT count(*) FROM hamnet_fingerprint_query('SELECT smiles FROM nci') AS (smiles text, fp hfp)},
	'predictions of a kernel head' => q{SELECT count(hamnet_predict(smiles, 'kernel')) FROM nci},
	'hamnet_descriptors' => 'SELECT count(d.value) FROM nci, hamnet_descriptors(smiles) AS d',
	'hamnet_smiles_error' => 'SELECT count(hamnet_smiles_error(n.smiles)) FROM nci AS n, nci',
	'hamnet_trajectory' => q{SELECT count(*) FROM nci, hamnet_trajectory(smiles, 'hamnet-engine')},
	'hamnet_embed' => 'SELECT count(hamnet_embed(smiles)) FROM nci',
	'hamnet_conformers' => 'SELECT count(*) FROM nci, hamnet_try_conformers(smiles) AS k',
	'hamnet_svg' => 'SELECT count(hamnet_svg(smiles)) FROM nci',
	'hamnet_svg_grid' => q{SELECT length(hamnet_svg_grid(array_fill('CC(C)Cc1ccc(cc1)C(C)C(=O)O'::text, '{1000}'))) FROM generate_series(1, 50)},
	'hamnet_explain' => q{SELECT count(*) FROM hamnet_explain(repeat('NCC(=O)', 70), 'solubility', 'small'), generate_series(1, 3)},
	'hamnet_svg_explain' => q{SELECT count(hamnet_svg_explain(smiles, 'solubility', 'small')) FROM nci},
	'hamnet_svg_parity' => q{SELECT hamnet_svg_parity('small', 'SELECT smiles, solubility FROM nci')},
	'hamnet_train, kernel' => "CALL hamnet_train('m', $learn, '{\"head\": \"kernel\"}')",
	'hamnet_train, mlp' => "CALL hamnet_train('m', $learn, '{\"head\": \"mlp\"}')",
	'hamnet_train, full' => "CALL hamnet_train('m', $learn, '{\"head\": \"full\"}')",
	'hamnet_train, full, from scratch, checkpoints' => "CALL hamnet_train('m', $learn, '{\"head\": \"full\", \"base\": \"scratch\", \"checkpoint\": 0}')",
	'hamnet_train, all heads' => "CALL hamnet_train('m', $learn)",
	'hamnet_train_engine' => "CALL hamnet_train_engine('m', 'SELECT * FROM shape', '{\"checkpoint\": 0}')",
	'hamnet_enrich, alone' => q{CALL hamnet_enrich('nci', 'smiles', 'fp', '{"workers": 0}')},
	'hamnet_enrich, two workers' => q{CALL hamnet_enrich('nci', 'smiles', 'fp', '{"workers": 2}')},
	'hamnet_enrich_report' => q{SELECT count(*) FROM hamnet_enrich_report('nci', 'smiles', 'fp')},
	'hamnet_evaluate' => q{SELECT * FROM hamnet_evaluate('small', 'SELECT smiles, solubility FROM nci')},
	'hamnet_evaluate_engine' => q{SELECT * FROM hamnet_evaluate_engine('hamnet-engine', 'SELECT smiles, xyz FROM shape, generate_series(1, 30)')},
	'a hamnet index' => 'CREATE INDEX ON vector USING hamnet (fp)',
	'a hamnet index by cosine' => 'CREATE INDEX ON vector USING hamnet (fp hfp_cosine_ops)',
	'a GiST index' => 'CREATE INDEX ON vector USING gist (fp)',
	'REINDEX' => 'REINDEX INDEX searched_gist',
	'hamnet_fit_axes' => q{SELECT hamnet_fit_axes('SELECT v.fp FROM vector AS v, generate_series(1, 5)')},
	'hamnet_index_check' => q{SELECT count(hamnet_index_check('searched_hamnet')) FROM generate_series(1, 1000)},
	'hamnet_index_stats' => q{SELECT sum((SELECT count(*) FROM hamnet_index_stats(nullif('searched_hamnet', g::text)::regclass))) FROM generate_series(1, 1000) AS g},
	'a sequential search' => 'SET enable_indexscan = off; SELECT count(*) FROM (SELECT v.fp FROM vector AS v, generate_series(1, 20) ORDER BY v.fp <-> (SELECT fp FROM vector LIMIT 1)) AS s',
	'a search by a hamnet index' => q{SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*) FROM generate_series(1, 200) AS g, LATERAL (SELECT fp FROM by_hamnet ORDER BY fp <-> (SELECT fp FROM vector WHERE i = 7 * g) LIMIT 20000) AS s},
	'a search by a GiST index' => q{SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*) FROM generate_series(1, 200) AS g, LATERAL (SELECT fp FROM by_gist ORDER BY fp <-> (SELECT fp FROM vector WHERE i = 7 * g) LIMIT 20000) AS s},
	'sum' => 'SELECT sum(v.fp) FROM vector AS v, generate_series(1, 100)',
	'a large array as text' => q{SELECT count(('[' || repeat('0.125,', 15000) || i || ']')::hfp) FROM generate_series(1, 100000) AS i});

# Stop a call after a while; returns its SQLSTATE, how long it went on after that, in milliseconds, and the memory of its backend.
sub stop_after
{
	my ($call, $delay, $tries) = (@_, 3);
	my ($settings, $statement) = $call =~ /^((?:SET [^;]*;\s*)*)(.*)$/s;
	my ($status, $out, $err) = $node->psql(
		'postgres', qq{
		BEGIN;
		$settings
		COMMIT;
		SELECT hamnet_norm(hamnet_fingerprint('C')) > 0 AS loaded \\gset
		SELECT clock_timestamp() AS began \\gset
		SET statement_timeout = $delay;
		$statement;
		\\set state :SQLSTATE
		SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'began')) - $delay AS late \\gset
		SET statement_timeout = 0;
		SELECT :'state', :late, hamnet_norm(hamnet_fingerprint('CCO')) > 0;},
		on_error_stop => 0);

	# On a machine that stalls, the statements about the call may be stopped in its place.
	return stop_after($call, $delay, $tries - 1) if $tries > 1 && $err =~ /:late/;
	return $out =~ /^(\w+)\|(-?\d+)\|t$/m ? ($1, $2) : ("none: $err", 0);
}

my %late;
foreach my $what (sort keys %calls)
{
	my @late;
	my $stopped = 0;

	foreach my $wanted (@delays, $full && $what =~ /train/ ? (3000, 9000) : ())
	{
		my $delay = $wanted;
		my ($state, $late) = stop_after($calls{$what}, $delay);

		# A fast machine may be done before that.
		while (!$stopped && $state eq '00000' && $delay > 1)
		{
			$delay = int($delay / 4) || 1;
			($state, $late) = stop_after($calls{$what}, $delay);
		}
		last if $stopped && $state eq '00000';	# it ends by itself before that
		is($state, '57014', "$what: stopped after $delay ms");
		$stopped++;
		push @late, $late;
	}
	@late = sort { $a <=> $b } @late;
	$late{$what} = $late[-1];
	diag(sprintf('%-50s stopped %2d times, answered within %4d ms (median %d ms)', $what, scalar(@late), $late[-1], $late[$#late / 2])) if $full;
}
note(sprintf('latest answer: %d ms, %s', $late{$_}, $_)) foreach ((sort { $late{$b} <=> $late{$a} } keys %late)[0 .. 2]);

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'hamnet%'}), 0, 'no worker is left');
is($node->safe_psql('postgres', q{CREATE INDEX vector_check ON vector USING hamnet (fp);
		SELECT hamnet_index_check('vector_check') = count(*) FROM vector}), 't', 'an index is built after all');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process was lost');

$node->stop;
done_testing();
