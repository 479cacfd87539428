document.title = "SignalOS";
