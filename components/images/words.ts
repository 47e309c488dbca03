import type { ImageOnHost, ImageView } from '@/domain/image/view'
import { formatBytes, formatCount } from '@/components/client/formats'

/** What hosts say of an image, in a few words. */
export function summary({ phase, hosts, upload, podCount, progress }: ImageView): string {
  const ready = hosts.filter((host) => host.phase === 'Ready').length
  if (phase === 'Ready') return `On ${formatCount(ready, 'host')}`
  if (phase === 'Pulling') return progress && progress.bytesTotal > 0 ? `${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}` : 'Pulling'
  if (phase === 'Failed') return 'Failed'
  if (podCount > 0) return 'On no host yet'
  return upload ? 'Kept by the server' : 'On no host'
}

/** One host's part, as a sentence. */
export function sentence({ host, phase, message, bytesDone, bytesTotal }: ImageOnHost): string {
  if (phase === 'Ready') return `${host} has it.`
  if (phase === 'Pulling') return `${host} is pulling it${bytesTotal > 0 ? `: ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}` : ''}.`
  return `${host} could not get it. ${message}`
}

/** A name for a file of `docker save`, as a beginning: `My App.tar.gz` is `my-app:latest`. */
export function suggestedReference(fileName: string): string {
  const base = fileName.toLowerCase().replace(/(\.(tar|tgz|gz|zst|oci|docker))+$/, '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
  return base === '' ? '' : `${base}:latest`
}
