export const pageSizes = [50, 100, 200, 500] as const
const sorts = ['name', 'created'] as const

/** What of the address filters, sorts and pages a list of security groups. */
export function groupListInput(tenant: string, get: (key: string) => string) {
  const [network, search, cursor] = [get('network'), get('q').trim(), get('cursor')]
  return {
    tenant,
    limit: pageSizes.find((each) => String(each) === get('limit')) ?? pageSizes[0],
    sort: sorts.find((each) => each === get('sort')) ?? 'name',
    descending: get('order') === 'descending',
    ...(network && { network }),
    ...(search && { search }),
    ...(cursor && { cursor }),
  } as const
}

/** The list as it is without anything in the address: what the server's page has ready. */
export const firstGroupListInput = (tenant: string) => groupListInput(tenant, () => '')
