import { BalancerOverview } from '@/components/load-balancers/balancer-overview'

export default function Page() {
  return <BalancerOverview />
}
