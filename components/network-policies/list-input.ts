import { groupListInput } from '@/components/security-groups/list-input'

/** What of the address filters, sorts and pages a list of network policies. */
export function policyListInput(tenant: string, get: (key: string) => string) {
  const namespace = get('namespace')
  return { ...groupListInput(tenant, get), ...(namespace && { namespace }) }
}

/** The list as it is without anything in the address: what the server's page has ready. */
export const firstPolicyListInput = (tenant: string) => policyListInput(tenant, () => '')
