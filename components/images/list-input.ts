const shows = ['all', 'used', 'uploaded', 'prePulled'] as const
const phases = ['Ready', 'Pulling', 'Failed', 'Unknown'] as const
export const pageSizes = [50, 100, 200] as const

/** What of the address filters and pages the list of images. */
export function imageListInput(tenant: string, get: (key: string) => string) {
  const search = get('q').trim()
  const cursor = get('cursor')
  const phase = phases.find((each) => each === get('state'))
  return {
    tenant,
    show: shows.find((each) => each === get('show')) ?? 'all',
    limit: pageSizes.find((each) => String(each) === get('limit')) ?? pageSizes[0],
    ...(search && { search }),
    ...(phase && { phase }),
    ...(cursor && { cursor }),
  } as const
}

/** The list as it is without anything in the address: what the server's page has ready. */
export const firstListInput = (tenant: string) => imageListInput(tenant, () => '')
