# What tests of crashes share.

package Crash;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(kill_process wait_until_recovered);

# kill -9 a process of the server; returns how long the server's log is before that.
sub kill_process
{
	my ($node, $pid) = @_;
	my $logged = -s $node->logfile;

	kill 'KILL', $pid;
	return $logged;
}

# Wait until the server has noticed the crash that kill_process made, and accepts
# connections again. A killed backend's client hears of it before the server does,
# so that connections of the meantime are accepted and then lost.
sub wait_until_recovered
{
	my ($node, $logged) = @_;

	$node->wait_for_log(qr/all server processes terminated; reinitializing/, $logged);
	foreach my $try (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		# Not psql, which ends without reading its query where it cannot connect: writing that would end the test.
		return if run_log([ 'pg_isready', '--quiet', '--host', $node->host, '--port', $node->port ]);
		usleep(100_000);
	}
	die 'the server did not recover';
}

1;
