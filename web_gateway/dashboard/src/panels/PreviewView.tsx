import type { OrderPreview } from "../lib/contract";
import { lots, money, number, price, UNKNOWN } from "../lib/format";

interface Props {
  preview: OrderPreview | null;
  error: Error | null;
  asking: boolean;
  ready: boolean;
  digits: number | undefined;
}

/** What the order would be: counted at the bridge, or said to be not known. */
export function PreviewView({ preview, error, asking, ready, digits }: Props) {
  const known = ready && preview !== null && error === null;
  const show = (text: string) => (known ? text : "–");
  return (
    <div className="preview" aria-live="polite" aria-busy={asking}>
      <dl>
        <Row name="Size" text={show(known ? `${lots(preview.volumeLots)} lots` : "")} />
        <Row name="Price" text={show(known ? price(preview.price, digits) : "")} />
        <Row
          name="Lost at the stop"
          text={show(!known ? "" : preview.riskMoney === null ? "no stop, no bound" : money(preview.riskMoney, preview.currency))}
        />
        <Row
          name="Won at the target"
          text={show(!known ? "" : preview.rewardMoney === null ? "no target" : money(preview.rewardMoney, preview.currency))}
        />
        <Row name="Margin" text={show(known ? money(preview.margin, preview.currency) : "")} />
        <Row
          name="Spread"
          text={show(!known ? "" : preview.spreadPoints === null ? UNKNOWN : `${number(preview.spreadPoints, 0)} points`)}
        />
      </dl>
      {ready && error !== null && <p className="problem-text">No preview: {error.message}</p>}
      {known && preview.problems.map((problem) => <p key={problem} className="problem-text">{problem}</p>)}
      {!ready && <p className="quiet-text">Choose a symbol and a size to see what the order would cost.</p>}
      {ready && !known && error === null && <p className="quiet-text">Counting at the bridge…</p>}
      {known && preview.acceptable && <p className="quiet-text">Counted at the bridge with live prices.</p>}
    </div>
  );
}

function Row({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}
