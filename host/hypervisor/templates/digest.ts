/**
 * How the memory of a template is hashed, in perl: SHA-256 over every MiB that holds anything but zeros, each after its
 * offset. Holes cost nothing, and where a file system puts holes does not matter. sha256sum (coreutils, on every Debian)
 * does it in a process of its own, beside what else is done with the bytes.
 *
 * `each_chunk($file, $take)` gives offset and bytes of each such MiB; `digest_begin`, `digest_add` and `digest_end` make
 * the hash, a line of hex digits.
 */
export const digestScript = String.raw`
my $block = 1 << 20;
my ($seek_set, $seek_data) = (0, 3); # lseek(2)
sub each_chunk {
  my ($file, $name, $take) = @_;
  my $size = -s $file;
  for (my $at = 0; $at < $size; $at += $block) {
    my $data = sysseek($file, $at, $seek_data);
    last unless defined $data;
    $at = int($data / $block) * $block;
    sysseek($file, $at, $seek_set);
    my ($bytes, $want) = ('', $size - $at < $block ? $size - $at : $block);
    while (length($bytes) < $want) { sysread($file, $bytes, $want - length($bytes), length($bytes)) or die "$name: $!\n" }
    $take->($at, $bytes) if $bytes =~ /[^\0]/;
  }
}
my ($sum_in, $sum_out, $sum_pid);
sub digest_begin {
  pipe(my $child_in, $sum_in) and pipe($sum_out, my $child_out) or die "pipe: $!\n";
  defined($sum_pid = fork()) or die "fork: $!\n";
  if ($sum_pid == 0) {
    close($sum_in); close($sum_out);
    open(STDIN, '<&', $child_in) and open(STDOUT, '>&', $child_out) or die "sha256sum: $!\n";
    exec { 'sha256sum' } 'sha256sum' or die "sha256sum: $!\n";
  }
}
sub digest_add {
  my ($at, $bytes) = @_;
  my $record = pack('Q<', $at) . $bytes;
  for (my $done = 0; $done < length($record); ) { $done += syswrite($sum_in, $record, length($record) - $done, $done) || die "sha256sum: $!\n" }
}
sub digest_end {
  close($sum_in);
  my $line = readline($sum_out) // '';
  waitpid($sum_pid, 0);
  $line =~ /^([0-9a-f]{64})/ or die "sha256sum: no sum\n";
  return $1;
}
`
