import { run } from '@/platform/exec'

/** Perl that sends frames from a raw socket: on this machine and inside of a pod. Arguments: the device's index, or '' for that of eth0 in /sys, and frames in hex. */
export const sendScript = String.raw`
my ($index, @frames) = @ARGV;
if ($index eq '') { open(my $file, '<', '/sys/class/net/eth0/ifindex') or die "eth0: $!\n"; $index = 0 + <$file> }
my $socket; socket($socket, 17, 3, 0x0300) or die "packet socket: $!\n";
my $place = pack('S n l S C C a8', 17, 3, $index, 0, 0, 0, '');
for my $hex (@frames) { send($socket, pack('H*', $hex), 0, $place) or print "not sent: $!\n" }
print "sent\n";
`

/** Sends frames from a device of a namespace. */
export async function sendFrames(namespace: string, frames: readonly Buffer[], device = 'eth0'): Promise<void> {
  const link = await run('ip', ['-n', namespace, '-o', 'link', 'show', device])
  const index = /^(\d+):/.exec(link.stdout)?.[1] ?? ''
  const { stdout } = await run('nsenter', [`--net=/run/netns/${namespace}`, 'perl', '-e', sendScript, '--', index, ...frames.map((frame) => frame.toString('hex'))])
  if (stdout !== 'sent\n') throw new Error(stdout)
}
