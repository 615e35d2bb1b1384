# What tests of crashes share.

package Crash;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(kill_process wait_until_recovered);

# kill -9 a process of the server; returns how long the server's log is before that,
# undef where the process has ended by itself. It is stopped first, after which it
# can end in no other way, so that the server is sure to see a crash.
sub kill_process
{
	my ($node, $pid) = @_;
	my $logged = -s $node->logfile;

	kill 'STOP', $pid;
	while (state_of_process($pid) ne 'T')
	{
		return undef if state_of_process($pid) =~ /^[ZX]?$/;
		usleep(1_000);
	}
	kill 'KILL', $pid;
	return $logged;
}

# R, S, D, T, Z, X, or nothing where there is no such process.
sub state_of_process
{
	my ($pid) = @_;

	open my $stat, '<', "/proc/$pid/stat" or return '';
	return (<$stat> // '') =~ /\) (\S)/ ? $1 : '';
}

# Wait until the server has noticed the crash that kill_process made, and accepts
# connections again. A killed backend's client hears of it before the server does,
# so that connections of the meantime are accepted and then lost.
sub wait_until_recovered
{
	my ($node, $logged) = @_;

	die 'the process to kill had ended' unless defined $logged;
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
