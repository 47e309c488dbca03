-- The database makes a generated column anew with every change of a row that has a trigger before it, as each report of a host is. These are made when what they come from is written.
ALTER TABLE "LoadBalancer" ALTER COLUMN "ports" DROP EXPRESSION, ALTER COLUMN "certificates" DROP EXPRESSION;

CREATE FUNCTION list_balancer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."ports" := balancer_ports(NEW."compiled");
  NEW."certificates" := jsonb_path_query_array(NEW."compiled", '$.certificates[*].id');
  RETURN NEW;
END $$;
CREATE TRIGGER lists BEFORE INSERT OR UPDATE OF "compiled" ON "LoadBalancer" FOR EACH ROW EXECUTE FUNCTION list_balancer();
