import { paths } from '@/components/client/paths'

/** Both ways of saying what may pass stand side by side. */
export const rulesTabs = (tenant: string) => [{ href: paths.securityGroups(tenant), label: 'Security groups' }, { href: paths.networkPolicies(tenant), label: 'Network policies' }]
