import { networkSpec } from './spec'

/** The network `default` that each tenant begins with. Every tenant may use the same range: networks are apart from each other. */
export const defaultNetwork = networkSpec.parse({ subnets: { default: { cidr: '10.244.0.0/16', gateway: '10.244.0.1' } }, serviceCIDRs: ['10.96.0.0/16'] })
