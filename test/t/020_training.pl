# Training goes on after everything that can stop it, and ends in the model of
# an undisturbed run, bit for bit.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/../perl";
use Crash;

my $node = PostgreSQL::Test::Cluster->new('training');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_worker_processes = 8\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION hamnet');
$node->safe_psql(
	'postgres', q{
	CREATE TABLE assay AS
	SELECT repeat('C', n) || a || repeat('C', m) || b AS smiles, n * 0.5 + m * 0.2 + ascii(a) / 20.0::float8 AS y
	FROM generate_series(1, 8) AS n, generate_series(1, 3) AS m,
		unnest(ARRAY['O', 'N', 'c1ccccc1']) AS a, unnest(ARRAY['O', 'Cl']) AS b});

my $query = 'SELECT smiles, y FROM assay';
my $epochs = 60;
my $options = qq({"head": "full", "base": "scratch", "dim": 32, "units": 16, "epochs": $epochs, "members": 2, "checkpoint": 0, "seed": 3});

sub train
{
	my ($model, $options, $query_text) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql('postgres', "CALL hamnet_train('$model', '" . ($query_text || $query) . "', '$options')",
		stdout => \$stdout, stderr => \$stderr);

	return ($status, $stderr);
}

sub id_of
{
	my ($model) = @_;

	return $node->safe_psql('postgres', "SELECT id FROM hamnet_models() WHERE name = '$model'");
}

sub state_of
{
	my ($model) = @_;

	return $node->safe_psql('postgres', "SELECT state FROM hamnet_training_runs() WHERE model = '$model' ORDER BY run DESC LIMIT 1");
}

# Start a call in a session of its own and wait until so many epochs are logged.
sub start_call
{
	my ($model, $epochs) = @_;
	my %call = (stdout => '', stderr => '', model => $model);

	$call{handle} = IPC::Run::start(
		[ 'psql', '--no-psqlrc', '--dbname', $node->connstr('postgres'), '--command', "CALL hamnet_train('$model', '$query', '$options')" ],
		'<', \undef, '>', \$call{stdout}, '2>', \$call{stderr});
	$node->poll_query_until('postgres', "SELECT count(*) >= $epochs FROM hamnet_training_log() WHERE model = '$model'")
	  or die "$model never got to epoch $epochs";
	$call{pid} = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL hamnet_train(''$model''%' AND backend_type = 'client backend'");
	return \%call;
}

my $workers = q{FROM pg_stat_activity WHERE backend_type = 'hamnet training worker'};

# Nobody is left, and the same call ends as if nothing had happened.
sub ends_well
{
	my ($model, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 $workers"), "$what: no worker is left");
	is(state_of($model), 'interrupted', "$what: the run is shown as interrupted");
	is(id_of($model), '', "$what: there is no model yet");
	my ($status, $stderr) = train($model, $options);
	is($status, 0, "$what: the same call ends well");
	like($stderr, qr/NOTICE:  resuming unfinished training of model "$model"/, "$what: and says that it goes on");
	is(id_of($model), id_of('reference'), "$what: in the same model");
	is(state_of($model), 'done', "$what: the run is done");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM _hamnet_checkpoint'), 0, "$what: no checkpoint is left");
	is($node->safe_psql('postgres', "SELECT count(*) FROM hamnet_training_log() WHERE model = '$model'"), 2 * $epochs, "$what: every epoch is logged once");
}

my ($status, $stderr) = train('reference', $options);
is($status, 0, 'an undisturbed run');
like($stderr, qr/NOTICE:  full: epoch $epochs of $epochs, loss .*, rmse .*, \d+ molecules a second, 0s left/, 'an undisturbed run reports its epochs');
like($stderr, qr/NOTICE:  model "reference" is ready: head full, rmse/, 'an undisturbed run reports its end');

# While a run is at work

my $call = start_call('busy', 2);
is($node->safe_psql('postgres', "SELECT count(*) $workers"), 1, 'a worker helps');
is(state_of('busy'), 'running', 'other sessions see that it runs');
is($node->safe_psql('postgres', "SELECT bool_and(estimated_end >= logged) FROM hamnet_training_log() WHERE model = 'busy'"), 't', 'the log estimates the end of a run');
like((train('busy', $options))[1], qr/ERROR:  model "busy" is being trained by another session/, 'the name is taken');
is((train('other', '{"head": "full", "base": "scratch", "dim": 8, "epochs": 1}'))[0], 0, 'a model of another name can be trained meanwhile');

# The ways to stop it

$node->safe_psql('postgres', "SELECT pg_cancel_backend($call->{pid})");
$call->{handle}->finish;
like($call->{stderr}, qr/ERROR:  canceling statement due to user request/, 'cancelled');
ends_well('busy', 'cancel');

$call = start_call('terminated', $epochs + 3);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($call->{pid})");
$call->{handle}->finish;
like($call->{stderr}, qr/FATAL:  terminating connection/, 'terminated, in its second member');
ends_well('terminated', 'terminate');

$call = start_call('workerless', 2);
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $workers");
$call->{handle}->finish;
like($call->{stderr}, qr/ERROR:  a training worker has stopped/, 'a training ends with an error when its worker is terminated');
ends_well('workerless', 'worker');

$call = start_call('killed', 5);
my $logged = kill_process($node, $call->{pid});
$call->{handle}->finish;
wait_until_recovered($node, $logged);
ends_well('killed', 'kill -9');

$call = start_call('crashed', 5);
$node->stop('immediate');
$call->{handle}->finish;
$node->start;
ends_well('crashed', 'crash');

# From a procedural language, which may commit as well; and where nothing may be written

($status) = $node->psql('postgres', "DO \$\$ BEGIN CALL hamnet_train('inner', '$query',"
	  . " '{\"head\": \"full\", \"base\": \"scratch\", \"dim\": 8, \"epochs\": 2, \"checkpoint\": 0}'); ROLLBACK; END \$\$",
	stderr => \$stderr);
is($status, 0, 'training in a DO block ends well');
unlike($stderr, qr/transaction block/, 'a DO block is not reported as a transaction block');
is(id_of('inner') . state_of('inner'), 'interrupted', 'what was committed on the way outlives a rollback');
like(($node->psql('postgres', "SET default_transaction_read_only = on; CALL hamnet_train('inner', '$query')"))[2],
	qr/ERROR:  cannot execute hamnet_train\(\) in a read-only transaction/, 'a read-only transaction');

# Another call under the name of an unfinished one

$call = start_call('changed', 2);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($call->{pid})");
$call->{handle}->finish;
($status, $stderr) = train('changed', $options, 'SELECT smiles, 2 * y FROM assay');
is($status, 0, 'training by another query ends well');
like($stderr, qr/NOTICE:  discarding unfinished training of model "changed"\nDETAIL:  Its query, options or data differ/, 'training by another query discards the unfinished run');
isnt(id_of('changed'), id_of('reference'), 'another query gives another model');
is($node->safe_psql('postgres', "SELECT string_agg(state, ' ' ORDER BY run) FROM hamnet_training_runs() WHERE model = 'changed'"),
	'abandoned done', 'hamnet_training_runs shows the discarded run as abandoned');

# An engine goes on as well

$node->safe_psql(
	'postgres', q{
	CREATE TABLE shape AS SELECT repeat('C', n) AS smiles, (SELECT array_agg(v ORDER BY i, k) FROM generate_series(1, n) AS i,
		LATERAL (VALUES (1, i * 1.3), (2, i % 2 * 0.75), (3, 0.0)) AS c (k, v))::float8[] AS xyz FROM generate_series(2, 40) AS n});
my $engine = q{'SELECT smiles, xyz FROM shape', '{"epochs": 12, "dim": 8, "units": 16, "batch": 8, "checkpoint": 0}'};
$node->safe_psql('postgres', "CALL hamnet_train_engine('engine', $engine)");
{
	my $handle = IPC::Run::start([ 'psql', '--no-psqlrc', '--dbname', $node->connstr('postgres'), '--command', "CALL hamnet_train_engine('engine2', $engine)" ],
		'<', \undef, '>', \my $out, '2>', \my $err);
	$node->poll_query_until('postgres', "SELECT count(*) >= 1 FROM hamnet_training_log() WHERE model = 'engine2'");
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL hamnet_train_engine(''engine2''%' AND backend_type = 'client backend'");
	$handle->finish;
}
$node->safe_psql('postgres', "CALL hamnet_train_engine('engine2', $engine)");
is(id_of('engine2'), id_of('engine'), 'an engine whose training was cancelled ends the same');

# Dumps carry models and logs

$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $file = $node->basedir . '/training.dump';
$node->command_ok([ 'pg_dump', '--format=custom', "--file=$file", 'postgres' ], 'pg_dump');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--dbname=copy', $file ], 'pg_restore');
my $all = 'SELECT * FROM hamnet_training_runs() ORDER BY run; SELECT * FROM hamnet_training_log() ORDER BY run, network, member, epoch';
is($node->safe_psql('copy', $all), $node->safe_psql('postgres', $all), 'a restored log says the same');
is($node->safe_psql('copy', "CALL hamnet_train('new', '$query', '{\"head\": \"full\", \"base\": \"scratch\", \"dim\": 8, \"epochs\": 1}');
	SELECT max(run) = (SELECT max(run) + 1 FROM hamnet_training_runs() WHERE model <> 'new') FROM hamnet_training_runs() WHERE model = 'new'"),
	't', 'numbers of runs go on after a restore');

# Without a free worker, the caller does everything, with the same result

$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
is((train('alone', $options))[0], 0, 'no worker is free');
is(id_of('alone'), id_of('reference'), 'the model is the same');

$node->stop;
done_testing();
