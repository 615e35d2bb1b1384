# The page of the demo, in a browser: every picture is drawn, nothing is broken,
# and nothing is asked of the network. Without chromium only what the file says is looked at.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $full = ($ENV{HAMNET_CHECK} // '') eq 'full';
my $molecules = '/usr/share/RDKit/Data/NCI/first_5K.smi';
my $node = PostgreSQL::Test::Cluster->new('page');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_worker_processes = 8\n");
$node->start;

# What demo.sql leaves, but smaller.
$node->safe_psql(
	'postgres', qq{
	SET client_min_messages = warning;
	CREATE EXTENSION hamnet;
	CREATE TABLE nci (smiles text, id int);
	COPY nci FROM '$molecules' WITH (FORMAT csv, DELIMITER E'\\t');
	CREATE TABLE compound AS SELECT id, smiles, hamnet_try_fingerprint(smiles) AS fp FROM nci WHERE id <= 400;
	CREATE TABLE drug (name text, smiles text);
	INSERT INTO drug VALUES ('aspirin', 'CC(=O)Oc1ccccc1C(=O)O'), ('caffeine', 'Cn1cnc2c1c(=O)n(C)c(=O)n2C'), ('ibuprofen', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O');
	CREATE TABLE assay AS SELECT id, smiles, length(smiles) * 0.1::float8 + id % 3 AS activity FROM compound WHERE fp IS NOT NULL;
	CREATE TABLE assay_class AS SELECT id, smiles, activity > 3 AS active FROM assay;
	CALL hamnet_train('my_assay', 'SELECT smiles, activity FROM assay WHERE id % 10 <> 0', '{"head": "mlp", "epochs": 4, "members": 2, "units": 8}');
	CALL hamnet_train('my_class', 'SELECT smiles, active FROM assay_class WHERE id % 10 <> 0', '{"head": "mlp", "epochs": 2, "units": 8}');});

my $folder = PostgreSQL::Test::Utils::tempdir();
my $page = "$folder/demo.html";
$node->command_ok([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-v', "page=$page", '-f', 'demo/page.sql' ], 'SQL alone writes the page');

my $html = slurp_file($page);
(my $rest = $html) =~ s{http://www\.w3\.org/2000/svg}{}g;
unlike($rest, qr/https?:|url\(|src=|href=|<script|\@import/i, 'the page refers to nothing outside it');
is(() = $html =~ /<svg /g, () = $html =~ m{</svg>}g, 'the page ends all of its pictures');

# Draw many molecules: none may fail.
my $repeat = $full ? 3 : 1;
my $limit = $full ? 5000 : 500;
my ($drawn, $bare) = split /\|/, $node->safe_psql(
	'postgres', qq{
	SELECT count(*), count(*) FILTER (WHERE length(svg) < 300)
	FROM nci, generate_series(1, $repeat) AS i,
		LATERAL (SELECT hamnet_svg(smiles, CASE i WHEN 1 THEN '{}' WHEN 2 THEN '{"atom_numbers": true, "width": 80, "height": 60}' ELSE '{"smarts": "[#6]1~[#6]~[#6]~[#6]~[#6]~[#6]~1"}' END::jsonb) AS svg) AS s
	WHERE id <= $limit AND hamnet_smiles_error(smiles) IS NULL});
cmp_ok($drawn, '>=', $full ? 10_000 : 490, "$drawn molecules are drawn without an error");
is($bare, 0, 'each drawn molecule has its picture');

# What the browser makes of it: pictures that take no room or have nothing in them, and errors.
my $probe = <<'END';
<script>
const svgs = [...document.querySelectorAll('svg')];
const empty = svgs.filter(s => { const b = s.getBoundingClientRect(); return b.width < 10 || b.height < 10 || s.querySelectorAll('path, circle').length < 2; });
const off = svgs.filter(s => [...s.querySelectorAll('text')].some(t => { const b = t.getBoundingClientRect(), r = s.getBoundingClientRect(); return b.left < r.left - 2 || b.right > r.right + 2 || b.bottom > r.bottom + 2; }));
const bad = document.querySelectorAll('parsererror').length + [...document.querySelectorAll('path')].filter(p => p.getTotalLength() === 0 && p.getAttribute('d') !== 'M0 0').length;
const overflow = document.documentElement.scrollWidth > window.innerWidth;
document.title = ['svgs', svgs.length, 'empty', empty.length, 'off', off.length, 'bad', bad, 'overflow', overflow, 'fetched', performance.getEntriesByType('resource').length].join(' ');
</script>
END
my ($chromium) = grep { system("command -v $_ >/dev/null 2>&1") == 0 } qw(chromium chromium-browser google-chrome);
SKIP:
{
	skip 'needs chromium', 3 unless $chromium;

	(my $probed = $html) =~ s{</body>}{$probe</body>};
	append_to_file("$folder/probed.html", $probed);
	local $ENV{HOME} = $folder;
	my $dom = `$chromium --headless --no-sandbox --disable-gpu --window-size=1280,1000 --dump-dom file://$folder/probed.html 2>/dev/null`;
	my ($title) = $dom =~ m{<title>(svgs .*?)</title>};

	skip "$chromium does not start here", 3 unless $dom;
	like($title, qr/^svgs \d\d /, 'a browser finds the pictures');
	like($title, qr/ empty 0 off 0 bad 0 /, 'all drawn, within their frames');
	like($title, qr/ overflow false fetched 0$/, 'fits the window and fetches nothing');
}

$node->stop;
done_testing();
