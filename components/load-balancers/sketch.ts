/** A first balancer to write from: a Service that answers on the outside. */
export const balancerSketch = (namespace = 'default') => `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: ${namespace}
  annotations:
    balancer.hypernetes.io/protocol: http
spec:
  type: LoadBalancer
  selector:
    app: web
  ports:
    - port: 80
      targetPort: 8080
`
