import type { ImageStore, StoredImage } from '../image-store'
import type { ImageConfig } from '../registry/manifest'
import { tarArchive, type ArchiveEntry } from '../tar/archive'
import { busyboxRoot } from './busybox'
import { samplePage, sampleServer } from './page'

/** What a first pod runs: no registry has or needs it. */
export const sampleReference = 'hypernetes/sample:latest'

/** The port on which the sample serves its page. */
export const samplePort = 8080

const config: ImageConfig = {
  entrypoint: ['/bin/serve'],
  cmd: [],
  env: ['PATH=/bin:/usr/bin', 'HOME=/home/app', `PORT=${samplePort}`],
  workingDir: '/home/app',
  user: '10001:10001',
  exposedPorts: [`${samplePort}/tcp`],
  stopSignal: 'SIGTERM',
}

/**
 * Makes the sample image from Debian's package busybox-static, unless the store has this very one: a web page on port
 * 8080 that shows which machine serves it, run as user 10001, and a shell with busybox' applets for the terminal.
 */
export async function ensureSampleImage(store: ImageStore): Promise<StoredImage> {
  const entries: ArchiveEntry[] = [
    ...(await busyboxRoot()),
    { name: 'bin/serve', mode: 0o755, content: sampleServer },
    { name: 'var/www/' },
    { name: 'var/www/cgi-bin/' },
    // busybox' httpd runs this for / where the folder has no index.html.
    { name: 'var/www/cgi-bin/index.cgi', mode: 0o755, content: samplePage },
  ]
  return store.addLocal(sampleReference, tarArchive(entries), config)
}
