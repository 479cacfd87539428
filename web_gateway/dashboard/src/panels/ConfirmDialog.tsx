import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";

interface Props {
  title: string;
  description: string;
  action: string;
  danger?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function ConfirmDialog({ title, description, action, danger = false, onConfirm, onClose }: Props) {
  return (
    <Dialog title={title} description={description} open onClose={onClose}>
      <DialogActions>
        <Button onClick={onClose}>Back</Button>
        <Button kind={danger ? "danger" : "accent"} onClick={onConfirm}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
