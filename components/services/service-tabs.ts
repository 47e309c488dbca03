import { paths } from '@/components/client/paths'

/** Services and how the outside reaches them stand beside each other. */
export const serviceTabs = (tenant: string) => [{ href: paths.services(tenant), label: 'Services', under: [paths.newService(tenant)] }, { href: paths.loadBalancers(tenant), label: 'Load balancers', under: [paths.newLoadBalancer(tenant)] }, { href: paths.floatingAddresses(tenant), label: 'Floating addresses', under: [paths.newFloatingAddress(tenant)] }]
