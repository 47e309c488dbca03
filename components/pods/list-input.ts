import { podStateNames } from './pod-states'

const sorts = ['name', 'namespace', 'state', 'restarts', 'created', 'host'] as const
export const pageSizes = [50, 100, 200, 500] as const

/** What of the address filters, sorts and pages the list. The server's page and the browser's read it alike. */
export function podListInput(tenant: string, get: (key: string) => string | null | undefined) {
  const state = podStateNames.filter((each) => (get('state') ?? '').split(',').includes(each))
  const limit = pageSizes.find((each) => String(each) === get('limit')) ?? pageSizes[0]
  const search = get('q')?.trim()
  const namespace = get('namespace')
  const labelSelector = get('labels')?.trim()
  const host = get('host')
  const cursor = get('cursor')
  return {
    tenant,
    limit,
    sort: sorts.find((each) => each === get('sort')) ?? 'created',
    descending: get('order') ? get('order') === 'descending' : true,
    ...(namespace && { namespace }),
    ...(search && { search }),
    ...(state.length > 0 && { phase: state }),
    ...(labelSelector && { labelSelector }),
    ...(host && { host }),
    ...(cursor && { cursor }),
  } as const
}
