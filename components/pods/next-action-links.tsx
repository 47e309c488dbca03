'use client'
import type { PodView } from '@/domain/pod/view'
import { nextAction, type ActionPlace } from '@/domain/pod/next-actions'
import { paths } from '@/components/client/paths'
import { TextLink } from '@/components/ui/text-link'

type Where = { tenant: string; pod: PodView; container?: string | undefined }

/** The link of a place for one pod; null for what has no page in this tenant's scope. */
function linkOf(place: ActionPlace, { tenant, pod, container }: Where): { label: string; href: string } | null {
  const { namespace, name } = pod.metadata
  const at = [tenant, namespace, name] as const
  switch (place) {
    case 'logs': return { label: 'Read logs', href: paths.podLogs(...at, { container }) }
    case 'previousLogs': return { label: 'Read previous logs', href: paths.podLogs(...at, { container, previous: '1' }) }
    case 'edit': return { label: 'Edit and re-create', href: paths.podYaml(...at, { edit: '1' }) }
    case 'events': return { label: 'Show events', href: paths.podEvents(...at) }
    case 'images': return { label: 'Show images', href: paths.images(tenant) }
    case 'terminal': return { label: 'Open terminal', href: paths.podTerminal(...at) }
    case 'figures': return { label: 'Show figures', href: paths.podFigures(...at) }
    case 'configMaps': return { label: 'ConfigMaps', href: paths.configMaps(tenant) }
    case 'volumes': return { label: 'Show volumes', href: paths.volumes(tenant) }
    case 'newVolume': return { label: 'Create volume', href: paths.newVolume(tenant) }
    case 'secrets': return { label: 'Secrets', href: paths.secrets(tenant) }
    case 'hosts': return null
  }
}

/** What to do about a reason, with the places where it is done; nothing where nobody knows. */
export function NextActionFor({ reason, ...where }: Where & { reason: string }) {
  const action = nextAction(reason)
  if (!action) return null
  return (
    <div className="mt-1 text-xs text-soft">
      <p className="max-w-150"><span className="font-medium">Next:</span> {action.text}</p>
      <PlaceLinks places={action.places} {...where} />
    </div>
  )
}

/** Places as links in a row. */
export function PlaceLinks({ places, ...where }: Where & { places: readonly ActionPlace[] }) {
  const links = places.flatMap((place) => linkOf(place, where) ?? [])
  return (
    <p className="mt-0.5 flex flex-wrap gap-x-4">
      {links.map(({ label, href }) => <TextLink key={label} href={href}>{label}</TextLink>)}
    </p>
  )
}
