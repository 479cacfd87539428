import { useLive } from "../store/live-store";
import { useSession } from "../session/session";
import { hrefOf, ROUTES, type RouteName, useRoute } from "./route";

export function Navigation() {
  const here = useRoute();
  const { info } = useSession();
  const alerts = useLive((state) => state.alerts.size);
  const unknown = useLive((state) => [...state.commands.values()].filter((each) => each.state === "UNKNOWN").length);
  const marks: Partial<Record<RouteName, number>> = { alerts, commands: unknown };
  return (
    <nav className="navigation" aria-label="Pages">
      {ROUTES.filter(([route]) => route !== "tester" || info.dev).map(([route, title]) => {
        const mark = marks[route] ?? 0;
        return (
          <a key={route} href={hrefOf(route)} aria-current={route === here ? "page" : undefined}>
            {title}
            {mark > 0 && (
              <span className="mark-count">
                {mark}
                <span className="sr">{route === "alerts" ? " not acknowledged" : " not known"}</span>
              </span>
            )}
          </a>
        );
      })}
    </nav>
  );
}
