import { BalancerLogs } from '@/components/load-balancers/balancer-logs'

export default function Page() {
  return <BalancerLogs />
}
