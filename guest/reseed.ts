import * as os from 'qjs:os'
import * as std from 'qjs:std'
import { GuestError } from '@/guest/errors'
import { pause } from '@/guest/pause'
import { decodeTextLeniently } from '@/guest/text'

const nonBlocking = 0o4000
const pollMilliseconds = 2
/** The kernel does it within milliseconds of the clone's first instruction. */
const withinMilliseconds = 10_000
/** drivers/char/random.c, add_vmfork_randomness() */
const reseeded = 'crng reseeded due to virtual machine fork'

/**
 * Watches the kernel's log for what a clone's kernel says once it has seen its new VM generation id and made its random
 * numbers anew: until then all clones of a template would draw the same ones. Begins where the log ends now, so it must
 * be made before a template is saved. There is no ioctl in QuickJS, and one more program would cost milliseconds of a start.
 */
export class ReseedWatch {
  private readonly fd = os.open('/dev/kmsg', os.O_RDONLY | nonBlocking)

  constructor() {
    if (this.fd >= 0) os.seek(this.fd, 0, std.SEEK_END)
  }

  /** Resolves once the kernel has said it. Throws where it does not within 10 s: nothing of a tenant may run then. */
  async done(): Promise<void> {
    // The clock is set only after this.
    const deadline = Date.now() + withinMilliseconds
    while (!this.seen()) {
      if (Date.now() >= deadline) throw new GuestError('Unavailable', "the clone's kernel did not make its random numbers anew; start the pod anew", 'random')
      await pause(pollMilliseconds)
    }
    os.close(this.fd)
  }

  /** Each read gives one record. */
  private seen(): boolean {
    const record = new Uint8Array(8192)
    for (let got = 1; got > 0; ) {
      got = os.read(this.fd, record.buffer, 0, record.length)
      if (got > 0 && decodeTextLeniently(record.subarray(0, got)).includes(reseeded)) return true
    }
    return false
  }
}
