import type { Run } from '@/host/network/kernel'

/**
 * Tells the neighbours of a link whose addresses are behind it now: for IPv4 a gratuitous ARP request and reply (RFC 5227 section 3), for IPv6 an unsolicited neighbour
 * advertisement (RFC 4861 section 7.2.6), each twice. Arguments: link, MAC address, addresses. Node has no packet sockets; perl-base is on every Debian.
 * Sources: linux/if_packet.h, RFC 826.
 */
const script = String.raw`
use strict; use warnings; use Socket qw(inet_pton AF_INET AF_INET6);
my ($link, $mac, @addresses) = @ARGV;
open(my $file, '-|', 'ip', '-o', 'link', 'show', 'dev', $link) or die "ip: $!\n";
my ($index) = (<$file> // '') =~ /^(\d+)/ or die "no link $link\n";
my $own = pack('H12', $mac =~ s/://gr);
socket(my $socket, 17, 3, 0) or die "socket: $!\n";
my $tell = sub { my ($protocol, $frame) = @_; send($socket, $frame, 0, pack('S n l S C C a8', 17, $protocol, $index, 0, 0, 6, "\xff" x 6)) // die "send: $!\n" };
sub checksum { my ($bytes) = @_; my $sum = 0; $sum += $_ for unpack('n*', $bytes); $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; return ~$sum & 0xffff }
for my $address ((@addresses) x 2) {
  if ($address =~ /:/) {
    my $ip = inet_pton(AF_INET6, $address) // die "address\n";
    my $all = pack('H*', 'ff020000000000000000000000000001');
    my $body = sub { pack('C C n N', 136, 0, $_[0], 0x20000000) . $ip . pack('C C', 2, 1) . $own };
    my $length = length($body->(0));
    my $sum = checksum($ip . $all . pack('N N', $length, 58) . $body->(0));
    $tell->(0x86dd, pack('H12', '333300000001') . $own . pack('n', 0x86dd) . pack('N n C C', 0x60000000, $length, 58, 255) . $ip . $all . $body->($sum));
  } else {
    my $ip = inet_pton(AF_INET, $address) // die "address\n";
    for my $operation (1, 2) {
      $tell->(0x0806, "\xff" x 6 . $own . pack('n', 0x0806) . pack('n n C C n', 1, 0x0800, 6, 4, $operation) . $own . $ip . ($operation == 1 ? "\0" x 6 : $own) . $ip);
    }
  }
}
`

/** Says on the wire of a link in a namespace that these addresses are behind it. Throws ExecError. */
export async function announce(run: Run, namespace: string, device: string, mac: string, addresses: readonly string[]): Promise<void> {
  if (addresses.length > 0) await run('nsenter', [`--net=/run/netns/${namespace}`, 'perl', '-e', script, device, mac, ...addresses])
}
