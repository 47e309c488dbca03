import { BalancerFiguresTab } from '@/components/load-balancers/balancer-figures'

export default function Page() {
  return <BalancerFiguresTab />
}
