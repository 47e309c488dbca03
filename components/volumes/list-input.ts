const sorts = ['name', 'created'] as const
export const pageSizes = [50, 100, 200, 500] as const

/** What of the address filters, sorts and pages a list of volumes or what belongs to them; `phases`: what such a thing can be in. */
export function volumeListInput<Phase extends string = never>(tenant: string, get: (key: string) => string, phases: readonly Phase[] = []) {
  const asked = get('state').split(',')
  const phase = phases.filter((each) => asked.includes(each))
  const search = get('q').trim()
  const cursor = get('cursor')
  return {
    tenant,
    limit: pageSizes.find((each) => String(each) === get('limit')) ?? pageSizes[0],
    sort: sorts.find((each) => each === get('sort')) ?? 'name',
    descending: get('order') === 'descending',
    ...(search && { search }),
    ...(phase.length > 0 && { phase }),
    ...(cursor && { cursor }),
  } as const
}

/** The list as it is without anything in the address: what the server's page has ready. */
export const firstListInput = (tenant: string) => volumeListInput(tenant, () => '')
