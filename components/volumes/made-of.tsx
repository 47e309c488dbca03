import type { VolumeSource } from '@/domain/volume/spec'
import { paths } from '@/components/client/paths'
import { TextLink } from '@/components/ui/text-link'
import { sourceText } from './words'

/** What a volume was made of; what of it is an object of the tenant's as a link. */
export function MadeOf({ tenant, source }: { tenant: string; source: VolumeSource }) {
  if (source.kind === 'Snapshot') return <>Snapshot <TextLink size="sm" href={paths.volumeSnapshot(tenant, source.name)}>{source.name}</TextLink></>
  if (source.kind === 'Volume') return <>Volume <TextLink size="sm" href={paths.volume(tenant, source.name)}>{source.name}</TextLink>, as it was then</>
  return sourceText(source)
}
