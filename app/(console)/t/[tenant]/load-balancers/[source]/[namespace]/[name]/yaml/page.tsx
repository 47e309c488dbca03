import { BalancerYaml } from '@/components/load-balancers/balancer-yaml'

export default function Page() {
  return <BalancerYaml />
}
